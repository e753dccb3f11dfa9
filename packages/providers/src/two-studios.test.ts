/** One provider object, two studios with keys of their own, a thousand calls among one another: never the wrong key. */
import { createStudio } from '@safelight/core'
import { expect, test } from 'vitest'
import { fal } from './fal/index.ts'
import { createWorld, simulatedFetch, simulators } from './testing/index.ts'

const JOBS = 170

test('two studios of one process never mix their keys up', async () => {
  const world = createWorld({ simulators, seconds: 0.2 })
  const provider = fal()
  const calls: { key: string; url: string; body: string }[] = []
  const line = simulatedFetch(world)
  const fetch: typeof globalThis.fetch = (input, init) => {
    const key = new Headers(init?.headers).get('authorization')?.replace('Key ', '') ?? ''
    if (key) calls.push({ key, url: input as string, body: typeof init?.body === 'string' ? init.body : '' })
    return line(input, init)
  }
  const studioOf = (secret: string) =>
    createStudio({
      providers: [provider],
      fetch,
      tokens: [{ provider: 'fal', label: 'FAL_KEY', secret, account: 'FAL_KEY', draining: false, maxOpen: null }],
    })
  const tenants = ['ann:secret-of-ann', 'bob:secret-of-bob'].map(secret => ({ secret, studio: studioOf(secret) }))
  const jobs = Array.from({ length: JOBS }, (_, index) => index).flatMap(index =>
    tenants.map(({ secret, studio }) =>
      studio.generate({ model: 'flux-schnell', input: { prompt: `${index} for ${secret.slice(0, 3)}` } }),
    ),
  )
  const done = await Promise.all(jobs)
  expect(done.every(({ state }) => state === 'succeeded')).toBe(true)

  const submits = calls.filter(({ body }) => body.includes('"prompt"'))
  expect(submits).toHaveLength(JOBS * 2)
  expect(submits.filter(({ key, body }) => !body.includes(`for ${key.slice(0, 3)}`))).toEqual([])
  const accountOf = new Map(world.accepted().map(({ id, account }) => [id, account]))
  const later = calls.flatMap(({ key, url }) => {
    const [, id] = /\/requests\/([^/?]+)/.exec(url) ?? []
    return id === undefined ? [] : [{ key, owner: accountOf.get(id) }]
  })
  expect(later.length + submits.length).toBeGreaterThanOrEqual(1000)
  expect(later.filter(({ key, owner }) => key !== owner)).toEqual([])
  await Promise.all(tenants.map(({ studio }) => studio.close()))
}, 60_000)
