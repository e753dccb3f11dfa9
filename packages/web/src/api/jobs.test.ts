import { describe, expect, it } from 'vitest'
import { emptyJobList, endedSince, withJob, withPage } from './jobs.ts'
import { cardsOf, type Press } from './presses.ts'
import type { Job, JobState } from './types.ts'

const job = (id: string, state: JobState = 'running', createdAt = `2026-11-23T10:00:0${id.length}.000Z`): Job =>
  ({ id, state, createdAt, model: 'painter', input: { prompt: 'a fox' } }) as Job
const page = (...items: Job[]) => ({ items, nextCursor: null })
const states = (list: { items: Job[] }) => list.items.map(({ id, state }) => `${id} ${state}`)

describe('the list of jobs', () => {
  it('puts a job that it did not know where its time belongs', () => {
    const list = withPage(emptyJobList, page(job('aaa'), job('a')), 1)
    expect(states(withJob(list, job('aa'), 2))).toEqual(['aaa running', 'aa running', 'a running'])
  })
  it('never opens an ended job again, whatever arrives late', () => {
    const ended = withJob(emptyJobList, job('a', 'succeeded'), 1)
    expect(states(withJob(ended, job('a', 'running'), 2))).toEqual(['a succeeded'])
    expect(states(withPage(ended, page(job('a', 'running')), 3))).toEqual(['a succeeded'])
  })
  it('believes what it heard after a page was asked for, over the page', () => {
    const list = withJob(withPage(emptyJobList, page(job('a', 'queued')), 1), job('a', 'storing'), 6)
    expect(states(withPage(list, page(job('a', 'running')), 5))).toEqual(['a storing'])
    expect(states(withPage(list, page(job('a', 'running')), 7))).toEqual(['a running'])
  })
  it('keeps a job that began while the page was under way, and drops one that the page no longer has', () => {
    const list = withJob(withJob(emptyJobList, job('a', 'succeeded'), 1), job('aa'), 6)
    expect(states(withPage(list, page(), 5))).toEqual(['aa running'])
  })
})

describe('what has ended', () => {
  const list = (...items: Job[]) => withPage(emptyJobList, page(...items), 1)
  const ended = (before: Job[], after: Job[]) => endedSince(list(...before), list(...after)).map(({ id }) => id)

  it('is what was open before, or was not there', () => {
    const before = [job('a'), job('aa'), job('aaa', 'failed')]
    const after = [job('a', 'succeeded'), job('aa'), job('aaa', 'failed'), job('aaaa', 'canceled')]
    expect(ended(before, after)).toEqual(['aaaa', 'a'])
  })
  it('is nothing when the page has just been opened', () => {
    expect(ended([], [job('a', 'succeeded')])).toEqual([])
  })
})

describe('cards', () => {
  const press = (change: Partial<Press> = {}): Press => ({
    key: 'key-1',
    request: { model: 'painter', input: { prompt: 'a fox' } },
    model: {} as Press['model'],
    price: 500,
    pressedAt: 0,
    knownIds: new Set(['old']),
    state: { name: 'sending', tries: 1 },
    ...change,
  })
  const keysOf = (jobs: Job[], presses: Press[]) => cardsOf(jobs, presses).map(({ key }) => key)

  it('shows a press before its job, and the job that the stream was quicker with not beside it', () => {
    expect(keysOf([job('new'), job('old')], [press()])).toEqual(['key-1', 'old'])
  })
  it('hides one job for one press', () => {
    expect(keysOf([job('new'), job('newer')], [press()])).toEqual(['key-1', 'newer'])
  })
  it('shows an accepted press until the list has its job', () => {
    const accepted = press({ state: { name: 'accepted', job: job('new') } })
    expect(keysOf([job('old')], [accepted])).toEqual(['key-1', 'old'])
    expect(keysOf([job('new'), job('old')], [accepted])).toEqual(['new', 'old'])
  })
})
