/** Lists: newest first, every job once, whatever happens between two pages. */
import assert from 'node:assert/strict'
import type { Job, JobQuery, JobStore, NewAttempt } from '../../contracts.ts'
import {
  accepted,
  begunJob,
  chargedJob,
  createdJob,
  mustMove,
  REFUSED,
  refusesCursors,
  type JobChecks,
} from './job-steps.ts'
import { newAttempt, newJob } from './samples.ts'
import { together } from './suite.ts'

/** More than other cases leave behind. */
const IN_USE_MAX = 10_000

/** Every page of a query, one after another; `between` is called before the next is asked for. */
async function walk(
  jobs: JobStore,
  query: JobQuery,
  between: () => Promise<unknown> = async () => null,
): Promise<Job[]> {
  const items: Job[] = []
  for (let cursor: string | undefined, pages = 0; pages < 100; pages++) {
    const page = await jobs.list({ ...query, ...(cursor === undefined ? {} : { cursor }) })
    assert(page.items.length <= query.limit)
    items.push(...page.items)
    if (page.nextCursor === null) return items
    cursor = page.nextCursor
    await between()
  }
  assert.fail('the pages never ended')
}

const idsOf = (jobs: readonly Job[]) => jobs.map(({ id }) => id)

export const listChecks: JobChecks = {
  async 'jobs are listed newest first, those of the user asked for'({ jobs, newUser, advance }) {
    const userId = await newUser()
    const made: Job[] = []
    for (let index = 0; index < 3; index++) {
      made.unshift(await createdJob(jobs, newJob(userId)))
      await createdJob(jobs, newJob(await newUser()))
      await advance(1)
    }
    const { items, nextCursor } = await jobs.list({ userId, limit: 30 })
    assert.deepEqual(idsOf(items), idsOf(made))
    assert.equal(nextCursor, null)
    assert.deepEqual(await jobs.list({ userId: await newUser(), limit: 30 }), { items: [], nextCursor: null })
  },

  async 'pages show every job once, also those made in one instant'({ jobs, newUser }) {
    const userId = await newUser()
    const made = await together(17, () => createdJob(jobs, newJob(userId)))
    for (const limit of [1, 4, 16, 17, 18]) {
      assert.deepEqual(idsOf(await walk(jobs, { userId, limit })).toSorted(), idsOf(made).toSorted(), `limit ${limit}`)
    }
    assert.equal((await jobs.list({ userId, limit: 17 })).nextCursor, null)
  },

  async 'jobs that come in between two pages repeat none'({ jobs, newUser }) {
    const userId = await newUser()
    const made = await together(9, () => createdJob(jobs, newJob(userId)))
    const shown = await walk(jobs, { userId, limit: 2 }, () => createdJob(jobs, newJob(userId)))
    assert.deepEqual(idsOf(shown).toSorted(), idsOf(made).toSorted())
  },

  async 'jobs that move between two pages hide none'({ jobs, newUser }) {
    const userId = await newUser()
    const made = await together(9, () => chargedJob(jobs, userId))
    const query = { userId, states: ['charged'], limit: 2 } as const
    const shown = await walk(jobs, query, async () => {
      const { items } = await jobs.list({ ...query, limit: 1 })
      await mustMove(jobs, items[0]!, 'refunding') // the newest: it has been shown
    })
    assert.deepEqual(idsOf(shown).toSorted(), idsOf(made).toSorted())
  },

  async 'a cursor that is none of its own is refused'({ jobs, newUser }) {
    const userId = await newUser()
    await createdJob(jobs, newJob(userId))
    await refusesCursors(cursor => jobs.list({ userId, limit: 1, cursor }))
  },

  async 'kinds and states are filtered'({ jobs, newUser }) {
    const userId = await newUser()
    const image = await createdJob(jobs, newJob(userId))
    const video = await createdJob(jobs, newJob(userId, { kind: 'video' }))
    const charged = await chargedJob(jobs, userId, { kind: 'edit' })
    const ids = async (query: Omit<JobQuery, 'limit' | 'userId'>) => {
      return idsOf((await jobs.list({ userId, limit: 30, ...query })).items).toSorted()
    }
    assert.deepEqual(await ids({ kind: 'video' }), [video.id])
    assert.deepEqual(await ids({ states: ['charged'] }), [charged.id])
    assert.deepEqual(await ids({ states: ['created', 'failed'] }), idsOf([image, video]).toSorted())
    assert.deepEqual(await ids({ kind: 'image', states: ['charged'] }), [])
    assert.deepEqual(await ids({}), idsOf([image, video, charged]).toSorted())
  },

  async 'how long the last successes of a model took, newest first'({ jobs, newUser, advance }) {
    if (!jobs.durations) return
    const userId = await newUser()
    const model = `conformance-${newJob(userId).id}`
    const outputs = [{ url: 'https://files.example/0.png' }]
    for (const seconds of [10, 40]) {
      const { job, attempt } = await begunJob(jobs, userId, { model })
      await advance(seconds)
      await jobs.record(attempt.id, accepted('op', { outputs }))
      await mustMove(jobs, (await jobs.find(job.id))!, 'succeeded')
    }
    const failing = await mustMove(jobs, await chargedJob(jobs, userId, { model }), 'refunding')
    await mustMove(jobs, failing, 'failed')
    const durations = await jobs.durations(model, 10)
    assert.equal(durations.length, 2)
    // A real database needs time of its own.
    assert(durations[0]! >= 39.9 && durations[0]! < 100, `${durations[0]} s`)
    assert(durations[1]! >= 9.9 && durations[1]! < 39, `${durations[1]} s`)
    assert.deepEqual(await jobs.durations(model, 1), durations.slice(0, 1))
    assert.deepEqual(await jobs.durations(`conformance-${newJob(userId).id}`, 10), [])
  },

  async 'how long the provider ran for jobs alike, newest first'({ jobs, newUser, advance }) {
    if (!jobs.runtimes) return
    const userId = await newUser()
    const model = `conformance-${newJob(userId).id}`
    for (const seconds of [10, 40]) {
      const { attempt } = await begunJob(jobs, userId, { model })
      const { job } = await jobs.record(attempt.id, accepted('op'))
      await advance(seconds)
      const storing = await mustMove(jobs, job, 'storing')
      await advance(5)
      await mustMove(jobs, storing, 'succeeded')
    }
    const { attempt } = (await jobs.list({ userId, limit: 1 })).items[0]!
    const query = { model, endpoint: attempt!.endpoint, duration: null, limit: 10 }
    const runtimes = await jobs.runtimes(query)
    assert.equal(runtimes.length, 2)
    assert(runtimes[0]! >= 39.9 && runtimes[0]! < 100, `${runtimes[0]} s`)
    assert(runtimes[1]! >= 9.9 && runtimes[1]! < 39, `${runtimes[1]} s`)
    assert.deepEqual(await jobs.runtimes({ ...query, limit: 1 }), runtimes.slice(0, 1))
    for (const other of [{ endpoint: 'another' }, { duration: 5 }, { model: 'another' }])
      assert.deepEqual(await jobs.runtimes({ ...query, ...other }), [])
  },

  async 'the tokens that jobs at a provider began with, each once'({ jobs, newUser }) {
    if (!jobs.tokensInUse) return
    const userId = await newUser()
    const { provider, token } = newAttempt()
    const begin = async (change: Partial<NewAttempt>) => {
      const attempt = newAttempt({ provider, token, ...change })
      const job = await jobs.begin(await chargedJob(jobs, userId), attempt, 30)
      return { job: job!, attempt }
    }
    const others = newAttempt().token
    const [submitting, running, other] = [await begin({}), await begin({}), await begin({ token: others })]
    const inUse = async () => {
      const all = await jobs.tokensInUse!(IN_USE_MAX)
      return all.filter(each => [token, others].includes(each.token)).map(each => each.token === token ? 'one' : 'other').toSorted() // prettier-ignore
    }
    assert.deepEqual(await inUse(), ['one', 'other'])
    assert.equal((await jobs.tokensInUse(1)).length, 1)
    // Its outputs may be had again with its token alone; a job that waits for its next attempt needs none.
    const storing = await jobs.record(
      running.attempt.id,
      accepted('op', { outputs: [{ url: 'https://files.example/0.png' }] }),
    )
    await jobs.record(other.attempt.id, REFUSED)
    assert.deepEqual(await inUse(), ['one'])
    await mustMove(jobs, submitting.job, 'refunding')
    assert.deepEqual(await inUse(), ['one'])
    await mustMove(jobs, storing.job, 'succeeded')
    assert.deepEqual(await inUse(), [])
  },
}
