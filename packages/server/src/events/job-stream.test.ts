import type { Job } from '@safelight/core'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { jobEvents, type JobStream } from './job-stream.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

const job = (revision: number, state: Job['state'] = 'running') => ({ id: 'j', revision, state }) as Job

function streamOf(parts: Partial<JobStream> = {}) {
  const leaving = new AbortController()
  const listeners = new Set<(changed: Job) => void>()
  const stream: JobStream = {
    told: new Map(),
    read: async () => [],
    listen(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    event: async ({ revision, state }) => ({ id: String(revision), data: JSON.stringify(state) }),
    endsWith: ({ state }) => state === 'succeeded',
    signal: leaving.signal,
    ...parts,
  }
  const tell = (changed: Job) => {
    for (const listener of listeners) listener(changed)
  }
  return { events: jobEvents(stream), stream, leaving, listeners, tell }
}

test('a heartbeat comes every 15 s of silence', async () => {
  const { events, leaving } = streamOf()
  for (const _ of [1, 2]) {
    const startedAt = Date.now()
    const next = events.next()
    await vi.advanceTimersByTimeAsync(14_500)
    let isHere = false
    void next.then(() => (isHere = true))
    await vi.advanceTimersByTimeAsync(0)
    expect(isHere).toBe(false)
    await vi.advanceTimersByTimeAsync(600)
    expect((await next).value).toMatch(/^: .*\n\n$/)
    expect(Date.now() - startedAt).toBeLessThan(15_200)
  }
  leaving.abort()
  expect((await events.next()).done).toBe(true)
})

test('what an older reading says after a newer change is not told', async () => {
  const readings = [[job(5)], [job(4)], [job(6, 'succeeded')]]
  const { events } = streamOf({ read: async () => readings.shift() ?? [] })
  expect((await events.next()).value).toContain('id: 5\n')
  const next = events.next()
  await vi.advanceTimersByTimeAsync(2100)
  expect((await next).value).toContain('id: 6\n')
})

test('a burst of progress is told as its latest, after a second', async () => {
  const { events, tell } = streamOf({ read: async () => [] })
  const first = events.next()
  await vi.advanceTimersByTimeAsync(0)
  tell(job(1))
  expect((await first).value).toContain('id: 1\n')
  const second = events.next()
  for (let revision = 2; revision <= 50; revision++) {
    tell(job(revision))
    await vi.advanceTimersByTimeAsync(10)
  }
  await vi.advanceTimersByTimeAsync(600)
  expect((await second).value).toContain('id: 50\n')
  const third = events.next()
  tell(job(51, 'storing'))
  await vi.advanceTimersByTimeAsync(0)
  expect((await third).value).toContain('id: 51\n')
})

test('nothing is left listening, however it ends', async () => {
  const aborted = streamOf()
  const waiting = aborted.events.next()
  await vi.advanceTimersByTimeAsync(0)
  expect(aborted.listeners.size).toBe(1)
  aborted.leaving.abort()
  expect((await waiting).done).toBe(true)
  expect(aborted.listeners.size).toBe(0)

  const returned = streamOf({ read: async () => [job(1)] })
  await returned.events.next()
  await returned.events.return()
  expect(returned.listeners.size).toBe(0)

  const failing = streamOf({
    read: async () => {
      throw new Error('gone')
    },
  })
  await expect(failing.events.next()).rejects.toThrow('gone')
  expect(failing.listeners.size).toBe(0)
})
