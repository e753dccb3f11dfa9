/** What every `JobStore` promises: jobs are made once, and moved by exactly one of all who try. */
import assert from 'node:assert/strict'
import type { Job, JobStore, NewJob } from '../../contracts.ts'
import { chargedJob, createdJob, mustMove, tryToSpoil, type JobChecks, type JobStoreHarness } from './job-steps.ts'
import { attemptChecks } from './job-attempts.ts'
import { dueChecks } from './job-due.ts'
import { listChecks } from './job-list.ts'
import { IN_TEN_MINUTES_MS, newFile, newJob } from './samples.ts'
import { staleChecks } from './job-stale.ts'
import { type Case, type Make, type PropertyOptions, suite, tally, together } from './suite.ts'

/** The suite of `JobStore`. */
export function jobStoreCases(make: Make<JobStoreHarness>, options: PropertyOptions = {}): Case[] {
  const checks = {
    ...creationChecks,
    ...moveChecks,
    ...staleChecks(options),
    ...attemptChecks,
    ...dueChecks,
    ...listChecks,
  }
  return suite(make, checks)
}

const creationChecks: JobChecks = {
  async 'a new job is as it was asked for, in `created`, with nothing done yet'({ jobs, newUser }) {
    const asked = newJob(await newUser(), {
      idempotencyKey: 'a key with ümlauts, "quotes" and a \\',
      requestId: 'request-1',
      input: {
        prompt: 'a fox 🦊 says "hi";\nthen \\n, \' and %_ — done',
        size: 'square',
        count: 3,
        seed: '123456789012345678901234567890',
        images: ['one', 'two'],
      },
      count: 3,
      price: 1500,
    })
    const job = await createdJob(jobs, asked)
    for (const field of Object.keys(asked) as (keyof NewJob)[]) assert.deepEqual(job[field], asked[field], field)
    const empty = [
      'attempt',
      'operation',
      'outputs',
      'progress',
      'failure',
      'ending',
      'runUntil',
      'troubles',
      'finishedAt',
    ]
    for (const field of empty as (keyof Job)[]) assert.equal(job[field], null, field)
    assert.equal(job.state, 'created')
    assert.deepEqual(job.media, [])
    assert.equal(job.refundedCredits, 0)
    assert(Number.isInteger(job.version) && Number.isInteger(job.revision))
    assert(job.wakeAt <= job.createdAt, 'a new job does not have to wait')
    assert.deepEqual(await jobs.find(asked.id), job)
    assert.deepEqual(await jobs.findByKey(asked.userId, 'a key with ümlauts, "quotes" and a \\'), job)
  },

  async 'what is not there is null'({ jobs, newUser }) {
    const userId = await newUser()
    assert.equal(await jobs.find(newJob(userId).id), null)
    assert.equal(await jobs.findByKey(userId, 'never used'), null)
    assert.deepEqual(await jobs.attempts(newJob(userId).id), [])
  },

  async 'the same id with the same request is the same job, as it is now'({ jobs, newUser }) {
    const asked = newJob(await newUser())
    const charged = await mustMove(jobs, await createdJob(jobs, asked), 'charged')
    assert.deepEqual(await jobs.create(asked), { outcome: 'replayed', job: charged })
  },

  async 'the same key with the same request is the first job, whatever id it brings'({ jobs, newUser }) {
    const asked = newJob(await newUser(), { idempotencyKey: 'k' })
    const first = await createdJob(jobs, asked)
    const again = newJob(asked.userId, { ...asked, id: newJob(asked.userId).id })
    assert.deepEqual(await jobs.create(again), { outcome: 'replayed', job: first })
    assert.equal(await jobs.find(again.id), null)
  },

  async 'another request under the same key is a conflict and makes nothing'({ jobs, newUser }) {
    const asked = newJob(await newUser(), { idempotencyKey: 'k' })
    const first = await createdJob(jobs, asked)
    const other = newJob(asked.userId, { idempotencyKey: 'k' })
    assert.deepEqual(await jobs.create(other), { outcome: 'conflict' })
    assert.equal(await jobs.find(other.id), null)
    assert.deepEqual(await jobs.find(asked.id), first)
  },

  async 'a key belongs to its user'({ jobs, newUser }) {
    const asked = newJob(await newUser(), { idempotencyKey: 'k' })
    await createdJob(jobs, asked)
    const neighbour = newJob(await newUser(), { idempotencyKey: 'k', requestHash: asked.requestHash })
    await createdJob(jobs, neighbour)
    assert.equal((await jobs.findByKey(neighbour.userId, 'k'))?.id, neighbour.id)
    assert.equal((await jobs.findByKey(asked.userId, 'k'))?.id, asked.id)
  },

  async "an id that is somebody else's, or another request's, is a conflict"({ jobs, newUser }) {
    const asked = newJob(await newUser())
    const first = await createdJob(jobs, asked)
    assert.deepEqual(await jobs.create({ ...asked, userId: await newUser() }), { outcome: 'conflict' })
    assert.deepEqual(await jobs.create({ ...asked, requestHash: 'another' }), { outcome: 'conflict' })
    assert.deepEqual(await jobs.find(asked.id), first)
  },

  async 'without a key every request is a job'({ jobs, newUser }) {
    const userId = await newUser()
    const first = await createdJob(jobs, newJob(userId, { requestHash: 'same' }))
    const second = await createdJob(jobs, newJob(userId, { requestHash: 'same' }))
    assert.notEqual(first.id, second.id)
  },

  async 'of 20 at once under one key one is created and 19 are replayed'({ jobs, newUser }) {
    const asked = newJob(await newUser(), { idempotencyKey: 'k' })
    const made = await together(20, () => jobs.create({ ...asked, id: newJob(asked.userId).id }))
    assert.deepEqual(tally(made.map(({ outcome }) => outcome)), { created: 1, replayed: 19 })
    assert.equal(new Set(made.map(each => 'job' in each && each.job.id)).size, 1)
    assert.equal((await jobs.list({ userId: asked.userId, limit: 30 })).items.length, 1)
  },

  async 'of 20 at once with one id one is created and 19 are replayed'({ jobs, newUser }) {
    const asked = newJob(await newUser())
    const made = await together(20, () => jobs.create(asked))
    assert.deepEqual(tally(made.map(({ outcome }) => outcome)), { created: 1, replayed: 19 })
  },

  async 'a refused request gives its key up, and the key makes another job'({ jobs, newUser }) {
    const asked = newJob(await newUser(), { idempotencyKey: 'k' })
    const refunding = await mustMove(jobs, await createdJob(jobs, asked), 'refunding', { idempotencyKey: null })
    assert.equal(refunding.idempotencyKey, null)
    assert.equal(await jobs.findByKey(asked.userId, 'k'), null)
    const again = await createdJob(jobs, newJob(asked.userId, { idempotencyKey: 'k', requestHash: asked.requestHash }))
    assert.notEqual(again.id, asked.id)
    assert.equal((await jobs.findByKey(asked.userId, 'k'))?.id, again.id)
    assert.equal((await jobs.find(asked.id))?.state, 'refunding')
  },

  async 'what is handed out, and what was handed in, is a copy'({ jobs, newUser }) {
    const asked = newJob(await newUser(), { idempotencyKey: 'k' })
    const job = await createdJob(jobs, asked)
    const before = structuredClone(job)
    asked.input.prompt = 'changed by whoever asked'
    for (const alias of [job, await jobs.find(job.id), await jobs.findByKey(job.userId, 'k')]) {
      tryToSpoil(() => (alias!.input.prompt = 'changed by a reader'))
      tryToSpoil(() => (alias as { state: string }).state = 'succeeded') // prettier-ignore
      tryToSpoil(() => alias!.media.push(newFile(job)))
    }
    assert.deepEqual(await jobs.find(job.id), before)
  },
}

const moveChecks: JobChecks = {
  async 'a move changes what it names, leaves the rest, and counts'({ jobs, newUser }) {
    const job = await chargedJob(jobs, await newUser())
    const failure = { code: 'timed_out', message: 'It took too long.', paid: 'unknown' } as const
    const moved = await mustMove(jobs, job, 'refunding', { failure, ending: 'failed', wakeInSeconds: 0 })
    const expected = { ...job, state: 'refunding', failure, ending: 'failed', wakeAt: moved.wakeAt }
    assert.deepEqual(moved, { ...expected, version: job.version + 1, revision: job.revision + 1 })
    assert.deepEqual(await jobs.find(job.id), moved)
    const kept = await mustMove(jobs, moved, 'failed', { refundedCredits: 500 })
    assert.deepEqual(kept.failure, failure)
    assert.equal(kept.ending, 'failed')
    assert.equal(kept.refundedCredits, 500)
  },

  async 'everything a move may carry comes back as it was given'({ jobs, newUser }) {
    const job = await chargedJob(jobs, await newUser())
    const patch = {
      operation: { url: 'https://queue.example/1', nested: [1, 'two', null, { deep: true }], empty: {} },
      outputs: [
        { url: 'https://files.example/0.png', contentType: 'image/png', expiresAt: 1_900_000_000_123 },
        { flagged: true },
      ],
      progress: { fraction: 0.25, stage: 'drawing', queuePosition: 3, preview: 'data:image/png;base64,AA==' },
      failure: { code: 'no_output', message: 'Nothing “came”.', paid: 'yes' },
      ending: 'failed',
      runUntil: Math.floor(Date.now() / 1000) * 1000 + IN_TEN_MINUTES_MS + 7,
      troubles: { count: 3, since: 1_900_000_000_456 },
      media: [
        newFile(job),
        newFile(job, 1, { contentType: 'video/mp4', width: null, height: null, durationSeconds: 3.04 }),
      ],
      refundedCredits: 250,
    } as const satisfies Parameters<JobStore['move']>[2]
    await mustMove(jobs, job, 'refunding', patch)
    const found = await jobs.find(job.id)
    for (const [field, value] of Object.entries(patch)) assert.deepEqual(found?.[field as keyof Job], value, field)
  },

  async 'null takes a field away, absence leaves it'({ jobs, newUser }) {
    const job = await chargedJob(jobs, await newUser())
    const progress = { fraction: null, stage: 'queued', queuePosition: null }
    const refunding = await mustMove(jobs, job, 'refunding', {
      progress,
      operation: 'first',
      troubles: { count: 1, since: 1 },
    })
    const ended = await mustMove(jobs, refunding, 'failed', { operation: null, troubles: null })
    assert.deepEqual([ended.progress, ended.operation, ended.troubles], [progress, null, null])
  },

  async 'an end is stamped, and only an end'({ jobs, newUser }) {
    const refunding = await mustMove(jobs, await chargedJob(jobs, await newUser()), 'refunding', { ending: 'canceled' })
    assert.equal(refunding.finishedAt, null)
    const ended = await mustMove(jobs, refunding, 'canceled')
    assert(ended.finishedAt !== null && ended.finishedAt >= ended.createdAt)
    assert.equal((await jobs.find(ended.id))?.finishedAt, ended.finishedAt)
  },

  async 'of 20 who move a job at once one does'({ jobs, newUser }) {
    const job = await chargedJob(jobs, await newUser())
    const moved = await together(20, index => jobs.move(job, 'refunding', { operation: index }))
    const winners = moved.filter(each => each !== null)
    assert.equal(winners.length, 1)
    assert.deepEqual(await jobs.find(job.id), winners[0])
  },
}
