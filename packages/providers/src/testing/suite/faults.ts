/** What a line, a gateway or a CDN can do to any vendor, and what must come of it. */
import type { Fault } from '../kit/faults.ts'
import type { Plan } from '../kit/simulator.ts'

/** `success`: survived. `settled`: the picture, or the credits back with a reason; never two paid jobs. */
export interface FaultRow {
  name: string
  faults?: readonly Fault[]
  plan?: Plan
  expect: 'success' | 'settled' | { code: string }
}

const LOOKING = ['look', 'result'] as const

const onSubmit: FaultRow[] = [
  { name: 'the line is cut before the submit arrives', faults: [{ on: 'submit', fault: 'reset' }], expect: 'settled' },
  { name: 'the answer to the submit is lost', faults: [{ on: 'submit', fault: 'lost' }], expect: 'settled' },
  { name: 'the submit never answers', faults: [{ on: 'submit', fault: 'hang' }], expect: 'settled' },
  {
    name: 'the answer to the submit is half of its JSON',
    faults: [{ on: 'submit', fault: 'malformed' }],
    expect: 'settled',
  },
  { name: 'the answer to the submit is a page of HTML', faults: [{ on: 'submit', fault: 'html' }], expect: 'settled' },
  {
    name: 'the answer to the submit breaks off',
    faults: [{ on: 'submit', fault: 'cut', share: 0.5 }],
    expect: 'settled',
  },
  {
    name: 'the submit is redirected to somebody else',
    faults: [{ on: 'submit', fault: 'redirect', to: 'https://evil.example/' }],
    expect: 'settled',
  },
  {
    name: 'the submit is told to come later, twice',
    faults: [{ on: 'submit', fault: 'status', status: 429, retryAfterSeconds: 2, times: 2 }],
    expect: 'success',
  },
  ...[500, 502, 503, 504].map((status): FaultRow => ({
    name: `a gateway answers the submit with ${status}`,
    faults: [{ on: 'submit', fault: 'status', status, body: 'html' }],
    expect: 'settled',
  })),
  {
    name: 'a storm of 503 on submit',
    faults: [{ on: 'submit', fault: 'status', status: 503, body: 'html', times: 1000 }],
    expect: 'settled',
  },
]

const onLook: FaultRow[] = [
  { name: 'a look is reset', faults: [{ on: LOOKING, fault: 'reset' }], expect: 'success' },
  { name: 'the answer to a look is lost', faults: [{ on: LOOKING, fault: 'lost' }], expect: 'success' },
  { name: 'a look never answers', faults: [{ on: LOOKING, fault: 'hang' }], expect: 'success' },
  { name: 'a look answers half of its JSON', faults: [{ on: LOOKING, fault: 'malformed' }], expect: 'success' },
  { name: 'a look answers a page of HTML', faults: [{ on: LOOKING, fault: 'html' }], expect: 'success' },
  { name: 'a look breaks off', faults: [{ on: LOOKING, fault: 'cut', share: 0.5 }], expect: 'success' },
  {
    name: 'a look is redirected to somebody else',
    faults: [{ on: LOOKING, fault: 'redirect', to: 'https://evil.example/' }],
    expect: 'success',
  },
  ...[401, 403, 404, 408, 429, 500, 502, 503, 504].map((status): FaultRow => ({
    name: `looks answer ${status}, three times`,
    faults: [{ on: LOOKING, fault: 'status', status, times: 3 }],
    expect: 'success',
  })),
  {
    name: 'a minute of 503 on looks',
    faults: [{ on: LOOKING, fault: 'status', status: 503, body: 'html', times: 12 }],
    expect: 'success',
  },
]

const onMedia: FaultRow[] = [
  {
    name: 'the CDN answers 503',
    faults: [{ on: 'media', fault: 'status', status: 503, body: 'html' }],
    expect: 'success',
  },
  { name: 'the download is reset', faults: [{ on: 'media', fault: 'reset' }], expect: 'success' },
  { name: 'the download is cut in the middle', faults: [{ on: 'media', fault: 'cut', share: 0.5 }], expect: 'success' },
  { name: 'the CDN answers a page of HTML once', faults: [{ on: 'media', fault: 'html' }], expect: 'success' },
]

const outputs: FaultRow[] = [
  { name: 'the output is flagged', plan: { outputs: { kinds: ['flagged'] } }, expect: { code: 'content_policy' } },
  { name: 'the output is no picture', plan: { outputs: { kinds: ['broken'] } }, expect: { code: 'no_output' } },
  { name: 'the output is a page of HTML', plan: { outputs: { kinds: ['html'] } }, expect: { code: 'no_output' } },
  { name: 'the output is empty', plan: { outputs: { kinds: ['empty'] } }, expect: { code: 'no_output' } },
  {
    name: 'the output comes whole at the tenth try',
    faults: [{ on: 'media', fault: 'cut', share: 0.5, times: 9 }],
    expect: 'success',
  },
  { name: 'the output is not there', plan: { outputs: { kinds: ['missing'] } }, expect: { code: 'no_output' } },
  { name: 'the output has expired', plan: { outputs: { kinds: ['expired'] } }, expect: 'settled' },
  {
    name: 'the output says that it is something else',
    plan: { outputs: { contentType: 'application/x-something' } },
    expect: 'success',
  },
]

export const FAULT_ROWS: readonly FaultRow[] = [...onSubmit, ...onLook, ...onMedia, ...outputs]
