/** What a request may run into when nothing else happens. */
import type { Scenario } from './world.ts'

const queue = { recovery: 'idempotent' } as const
const busy = { times: 1, kind: 'provider_error', scope: 'provider' } as const

export const scenarios: readonly Scenario[] = [
  { name: 'a provider with idempotent submits', providers: [queue], ends: 'succeeded' },
  { name: 'a provider that can be asked', providers: [{ recovery: 'lookup' }], ends: 'succeeded' },
  { name: 'a provider that can be neither', providers: [{ recovery: 'atMostOnce' }], ends: 'succeeded' },
  { name: 'bytes in the answer', providers: [{ recovery: 'atMostOnce', mode: 'sync' }], ends: 'succeeded' },
  { name: 'bytes in an answer that can be had again', providers: [{ ...queue, mode: 'sync' }], ends: 'succeeded' },
  { name: 'addresses in the answer', providers: [{ recovery: 'lookup', mode: 'syncUrl' }], ends: 'succeeded' },
  {
    name: 'three outputs in the answer',
    providers: [{ ...queue, mode: 'sync', outputs: ['good', 'good', 'good'] }],
    count: 3,
    ends: 'succeeded',
  },
  {
    name: 'the answer is lost, idempotent',
    providers: [{ ...queue, losesAnswers: 1 }],
    ends: 'succeeded',
  },
  { name: 'the answer is lost, lookup', providers: [{ recovery: 'lookup', losesAnswers: 1 }], ends: 'succeeded' },
  { name: 'the request is lost, lookup', providers: [{ recovery: 'lookup', losesRequests: 1 }], ends: 'succeeded' },
  {
    name: 'the answer is lost, at most once',
    providers: [{ recovery: 'atMostOnce', losesAnswers: 9 }, queue],
    ends: 'failed: submit_unknown',
  },
  {
    name: 'the first provider refuses',
    providers: [{ ...queue, refuse: { ...busy, times: 9 } }, { recovery: 'atMostOnce' }],
    ends: 'succeeded',
  },
  { name: 'refused once, then taken', providers: [{ recovery: 'atMostOnce', refuse: busy }], ends: 'succeeded' },
  { name: 'all refuse', providers: [{ ...queue, refuse: { ...busy, times: 9 } }], ends: 'failed: refused' },
  {
    name: 'the request itself is refused',
    providers: [{ ...queue, refuse: { times: 9, kind: 'content_policy', scope: 'request' } }, queue],
    ends: 'failed: content_policy',
  },
  {
    name: 'the provider fails, paid',
    providers: [{ ...queue, fails: { kind: 'provider_error', paid: 'yes' } }, queue],
    ends: 'failed: provider_failed',
  },
  {
    name: 'the provider fails, unpaid, and another takes it',
    providers: [{ ...queue, fails: { kind: 'provider_error', paid: 'no' } }, { recovery: 'atMostOnce' }],
    ends: 'succeeded',
  },
  { name: 'it never ends', providers: [{ ...queue, seconds: 1e6 }], ends: 'failed: timed_out' },
  {
    name: 'two of three outputs are pictures',
    providers: [{ ...queue, outputs: ['good', 'broken', 'good'] }],
    count: 3,
    ends: 'succeeded',
  },
  {
    name: 'two of three outputs in the answer are pictures',
    providers: [{ ...queue, mode: 'sync', outputs: ['good', 'broken', 'good'] }],
    count: 3,
    ends: 'succeeded',
  },
  {
    name: 'fewer outputs than asked for, one of them flagged',
    providers: [{ ...queue, outputs: ['flagged', 'good'] }],
    count: 4,
    ends: 'succeeded',
  },
  { name: 'all outputs are flagged', providers: [{ ...queue, outputs: ['flagged'] }], ends: 'failed: content_policy' },
  { name: 'no output at all', providers: [{ ...queue, outputs: [] }], ends: 'failed: no_output' },
  { name: 'storage is down for a while', providers: [queue], storageDownSeconds: 150, ends: 'succeeded' },
  {
    name: 'storage is down for longer than outputs live',
    providers: [{ ...queue, keepsSeconds: 120 }],
    storageDownSeconds: 1e6,
    ends: 'failed: storage_failed',
  },
  { name: 'too poor', providers: [queue], balance: 499, ends: 'insufficient_credits' },
]
