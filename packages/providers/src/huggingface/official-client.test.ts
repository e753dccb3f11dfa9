/**
 * `@huggingface/inference`, unmodified, against the simulator on sockets. It has no option for other hosts, and its own
 * `fetch` option is not used while it polls and downloads; so the test puts a `fetch` in front of the platform's that changes
 * the origin of the router and the hub, and nothing else.
 *
 * The client remembers mappings for as long as the process lives: each mapping scenario has a model of its own.
 */
import { InferenceClient } from '@huggingface/inference'
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { createWorld, serveSimulators, type ServedSimulators, type World } from '../testing/kit/index.ts'
import { huggingfaceSimulator, leakedKeys } from './simulator.ts'

type PartyName = 'fal-ai' | 'wavespeed' | 'replicate' | 'nscale' | 'together' | 'hf-inference'

const FLUX = 'black-forest-labs/FLUX.1-dev'
const SCHNELL = 'black-forest-labs/FLUX.1-schnell'
const SD3 = 'stabilityai/stable-diffusion-3-medium-diffusers'
const KLEIN = 'black-forest-labs/FLUX.2-klein-9B'
const WAN = 'Wan-AI/Wan2.2-TI2V-5B'
const WAN_LARGE = 'Wan-AI/Wan2.2-T2V-A14B'
const ZIMAGE = 'Tongyi-MAI/Z-Image-Turbo'

const client = new InferenceClient('hf_of_the_official_client')
const platformFetch = globalThis.fetch
let world: World
let served: ServedSimulators
let booked = { jobs: 0, requests: 0 }

beforeAll(async () => {
  world = createWorld({ simulators: [huggingfaceSimulator], seconds: 0.01 })
  served = await serveSimulators(world)
  vi.stubGlobal('fetch', (input: string | URL | Request, init?: RequestInit) => platformFetch(moved(input), init))
})
afterAll(async () => {
  vi.unstubAllGlobals()
  await served.close()
})
beforeEach(() => {
  world.always('huggingface', {})
  booked = { jobs: world.accepted().length, requests: world.books('huggingface').requests.length }
})

function moved(input: string | URL | Request): string | Request {
  if (input instanceof Request) return input
  const places = {
    HUGGINGFACE_BASE_URL: 'https://router.huggingface.co',
    HUGGINGFACE_HUB_URL: 'https://huggingface.co',
  }
  for (const [name, origin] of Object.entries(places)) {
    if (String(input).startsWith(`${origin}/`)) return `${served.baseUrls[name]}${String(input).slice(origin.length)}`
  }
  return String(input)
}

/** Since the test began. */
const jobs = () => world.accepted().slice(booked.jobs)
const requests = (action: string) =>
  world
    .books('huggingface')
    .requests.slice(booked.requests)
    .filter(each => each.action === action)

const draw = (provider: PartyName, model: string, signal?: AbortSignal) =>
  client.textToImage({ provider, model, inputs: 'a fox' }, { outputType: 'blob', ...(signal ? { signal } : {}) })
const film = (provider: PartyName, model: string) => client.textToVideo({ provider, model, inputs: 'a fox' })

async function isPicture(blob: Blob): Promise<boolean> {
  return new TextDecoder('latin1').decode(await blob.slice(1, 4).arrayBuffer()) === 'PNG'
}
async function isClip(blob: Blob): Promise<boolean> {
  return (await blob.slice(4, 8).text()) === 'ftyp'
}

describe('success', () => {
  test.each<[PartyName, string]>([
    ['fal-ai', FLUX],
    ['wavespeed', FLUX],
    ['replicate', FLUX],
    ['nscale', SCHNELL],
    ['together', SCHNELL],
    ['hf-inference', SD3],
  ])('a picture by %s', async (party, model) => {
    expect(await isPicture(await draw(party, model))).toBe(true)
    expect(jobs()).toMatchObject([{ paid: true, outcome: 'succeeded' }])
  })

  test.each<PartyName>(['fal-ai', 'wavespeed', 'replicate'])('a picture made from a picture by %s', async provider => {
    const inputs = new Blob([new Uint8Array(100)], { type: 'image/png' })
    const made = await client.imageToImage({ provider, model: KLEIN, inputs, parameters: { prompt: 'a fox' } })
    expect(await isPicture(made)).toBe(true)
    expect(jobs()).toHaveLength(1)
  })

  test.each<[PartyName, string]>([
    ['fal-ai', WAN],
    ['wavespeed', WAN],
    ['together', WAN_LARGE],
  ])('a clip by %s', async (party, model) => {
    expect(await isClip(await film(party, model))).toBe(true)
    expect(jobs()).toHaveLength(1)
  })

  test('its token has gone nowhere but to the router and the hub', () => {
    expect(leakedKeys(world.books('huggingface'))).toEqual([])
  })
})

/** What the client really makes of each row: what it throws, or that it never ends. */
type Row = {
  name: string
  party?: PartyName
  model?: string
  run?: () => Promise<Blob>
  ends: RegExp | 'never'
}
const rejected = 'Failed to perform inference: '

const rows: Row[] = [
  { name: 'mapping_gone', model: 'Qwen/Qwen-Image', ends: /not been able to find inference provider information/ },
  { name: 'mapping_staging', model: ZIMAGE, ends: /Model not supported by provider fal-ai/ },
  { name: 'mapping_other_task', model: 'Qwen/Qwen-Image-Edit-2511', ends: /not supported for task text-to-image/ },
  { name: 'hub_down', model: 'black-forest-labs/FLUX.2-dev', ends: /Failed to fetch inference provider mapping/ },
  // It reads the body a second time to tell what was wrong with it.
  { name: 'hub_html', model: 'black-forest-labs/FLUX.2-dev', ends: /Body (?:is unusable|has already been read)/ },
  { name: 'hub_busy', model: 'black-forest-labs/FLUX.2-dev', ends: /mapping for model .*: Too many requests/ },

  { name: 'bad_token', ends: /Invalid username or password/ },
  { name: 'no_permission', ends: /sufficient permissions/ },
  { name: 'credits_exhausted', ends: /monthly included credits/ },
  { name: 'not_enough_balance', ends: /NOT_ENOUGH_BALANCE/ },
  { name: 'rate_limited', ends: /Too Many Requests/ },
  { name: 'rate_limited_window', ends: /Too Many Requests/ },
  { name: 'model_unsupported', ends: /Model not supported/ },
  { name: 'model_unknown', ends: /does not exist/ },
  { name: 'invalid_input', ends: /Input validation error/ },
  // Only `text/plain;` with a semicolon is read.
  { name: 'invalid_text', ends: /Failed to deserialize the JSON body/ },

  { name: 'fal_locked', ends: /User is locked/ },
  { name: 'fal_bad_data_uri', ends: /Unsupported data URL/ },
  ...[
    'content_policy',
    'content_text',
    'invalid_result',
    'no_media',
    'model_error',
    'runner_error',
    'start_timeout',
  ].map((word): Row => ({ name: `fal_${word}`, ends: /malformed response from Fal.ai/ })),
  { name: 'empty_result', ends: /malformed response from Fal.ai/ },

  { name: 'wavespeed_role', party: 'wavespeed', ends: /Cannot read properties of undefined/ },
  { name: 'wavespeed_no_credits', party: 'wavespeed', ends: /Cannot read properties of undefined/ },
  { name: 'wavespeed_failed', party: 'wavespeed', ends: /The worker failed/ },
  { name: 'wavespeed_nsfw', party: 'wavespeed', ends: /NSFW content/ },
  { name: 'wavespeed_timeout', party: 'wavespeed', ends: 'never' },
  { name: 'wavespeed_cancelled', party: 'wavespeed', ends: 'never' },
  { name: 'wavespeed_deleted', party: 'wavespeed', ends: 'never' },

  { name: 'replicate_invalid', party: 'replicate', ends: /aspect_ratio must be/ },
  { name: 'replicate_no_credit', party: 'replicate', ends: /insufficient credit/ },
  { name: 'replicate_throttled', party: 'replicate', ends: /throttled/ },
  // It never asks again: what is not there after the wait is lost, and paid.
  ...['slow', 'failed', 'nsfw', 'aborted', 'canceled'].map((word): Row => ({
    name: `replicate_${word}`,
    party: 'replicate',
    ends: /malformed response from Replicate/,
  })),

  // Of an error that is an object it says nothing.
  { name: 'together_invalid', party: 'together', model: SCHNELL, ends: /an HTTP error occurred/ },
  { name: 'together_nsfw', party: 'together', model: SCHNELL, ends: /an HTTP error occurred/ },
  {
    name: 'together_failed',
    run: () => film('together', WAN_LARGE),
    ends: /video generation failed: Generation failed/,
  },
]

describe('every row of the failure tables', () => {
  test('is here, but for the one that has a test of its own', () => {
    const names = [...rows.map(({ name }) => name), 'loading']
    expect(names.toSorted()).toEqual(huggingfaceSimulator.scenarios.map(({ name }) => name).toSorted())
  })

  test.each(rows.flatMap(row => (row.ends === 'never' ? [] : [{ ...row, ends: row.ends }])))(
    '$name',
    async ({ name, party, model, run, ends }) => {
      world.always('huggingface', { scenario: name })
      const made = run ? run() : draw(party ?? 'fal-ai', model ?? FLUX)
      await expect(made).rejects.toThrow(ends)
      const { at, kind } = huggingfaceSimulator.scenarios.find(each => each.name === name)!.expect
      const wasTaken = at !== 'submit' && kind !== 'auth'
      expect(jobs()).toHaveLength(wasTaken ? 1 : 0)
    },
  )

  test.each(rows.filter(({ ends }) => ends === 'never'))(
    '$name: it polls for ever',
    async ({ name, party = 'wavespeed' }) => {
      world.always('huggingface', { scenario: name })
      const controller = new AbortController()
      const made = draw(party, FLUX, controller.signal)
      await vi.waitFor(() => expect(requests('look').length).toBeGreaterThan(2), { timeout: 5000 })
      controller.abort()
      await expect(made).rejects.toThrow('aborted')
    },
  )

  test('loading: it comes back at once, without a pause', async () => {
    world.next('huggingface', { scenario: 'loading' })
    const submitted = Date.now()
    expect(await isPicture(await draw('hf-inference', SD3))).toBe(true)
    expect(requests('submit').map(({ status }) => status)).toEqual([503, 200])
    expect(Date.now() - submitted).toBeLessThan(5000)
  })

  test('the errors say that the request failed, and carry the status', async () => {
    world.next('huggingface', { scenario: 'credits_exhausted' })
    const error = await draw('fal-ai', FLUX).catch((reason: unknown) => reason)
    expect(error).toMatchObject({ name: 'ProviderApiError', httpResponse: { status: 402 } })
    expect(String(error)).toContain(rejected)
  })
})

describe('what a line does to it', () => {
  test('a lost answer: one paid job, and no word about it', async () => {
    world.fault('huggingface', { on: 'submit', fault: 'lost' })
    await expect(draw('fal-ai', FLUX)).rejects.toThrow('fetch failed')
    expect(jobs()).toHaveLength(1)
  })

  test('one bad look loses a paid job', async () => {
    world.fault('huggingface', { on: 'look', fault: 'status', status: 503 })
    await expect(draw('fal-ai', FLUX)).rejects.toThrow('Failed to fetch response status')
    expect(jobs()).toMatchObject([{ paid: true }])
  })

  test('a complaint of the CDN is handed over as the picture', async () => {
    world.fault('huggingface', { on: 'media', fault: 'status', status: 503 })
    const made = await draw('fal-ai', FLUX)
    expect(await isPicture(made)).toBe(false)
    expect(await made.text()).toContain('Service is busy')
  })
})

test('who follows an address in an answer with the token in hand is written down', async () => {
  const headers = { authorization: 'Bearer hf_naive', 'content-type': 'application/json' }
  const url = `${served.baseUrls['HUGGINGFACE_BASE_URL']}/fal-ai/fal-ai/flux/dev?_subdomain=queue`
  const submitted = await platformFetch(url, { method: 'POST', headers, body: '{"prompt":"a fox"}' })
  const { status_url } = (await submitted.json()) as { status_url: string }
  expect((await platformFetch(status_url, { headers })).status).toBe(401)
  expect(leakedKeys(world.books('huggingface'))).toMatchObject([
    { path: expect.stringMatching(/^an hf_ token came to fal_ai\/fal-ai\/flux\/requests\//) },
  ])
})
