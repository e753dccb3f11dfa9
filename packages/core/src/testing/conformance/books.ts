/** Whole lives at random, all at once: in the end every credit is where it belongs. */
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import type { Candidate, Database, Job } from '../../contracts.ts'
import { admissionOf, beginOf, fusedOf, settlementOf, type DatabaseChecks } from './fused-steps.ts'
import { checkBooks } from './ledger-steps.ts'
import { property, randomOf, type Random } from './random.ts'
import { newCandidate } from './samples.ts'
import { withSettings } from './settings.ts'
import { type PropertyOptions, together } from './suite.ts'

const ROOMY = { userPerMinute: 1000, ipPerMinute: 1000, windowSeconds: 60 }
const STEPS_MAX = 60

export function bookChecks(options: PropertyOptions): DatabaseChecks {
  return {
    async 'random lives with several hands on each job: who got nothing paid nothing'({ database, newUser }) {
      await property({ runs: 3, ...options }, async random => {
        const users = await together(3, () => newUser(6000))
        const candidates = [newCandidate({ maxOpen: 2 }), newCandidate({ maxOpen: 3 })]
        const seeds = Array.from({ length: 12 }, () => random.integer(0, 2 ** 31))
        await withSettings(database.settings, { limits: ROOMY }, async () => {
          await together(12, index => live(database, users[index % 3]!, candidates, randomOf(seeds[index]!)))
        })
        for (const userId of users) {
          const { items } = await database.jobs.list({ userId, limit: 100 })
          for (const job of items) assert.notEqual(job.finishedAt, null, `a job is still ${job.state}`)
          const paid = items.reduce((total, job) => total + job.price - job.refundedCredits, 0)
          const got = items.reduce((total, job) => total + (job.price / job.count) * job.media.length, 0)
          assert.equal(paid, got, 'what was paid is what was delivered')
          assert.equal(await checkBooks(database.ledger, userId), 6000 - paid)
        }
      })
    },
  }
}

/** One job, pushed along by three hands that do not know of each other. */
async function live(
  database: Database,
  userId: string,
  candidates: readonly Candidate[],
  random: Random,
): Promise<void> {
  const count = random.integer(1, 3)
  const admission = await fusedOf(database).admit(admissionOf(userId, { count, price: 500 * count }))
  if (!('job' in admission)) return
  const { id } = admission.job
  const seeds = [1, 2, 3].map(() => random.integer(0, 2 ** 31))
  await together(3, async hand => {
    const its = randomOf(seeds[hand]!)
    for (let steps = 0; steps < STEPS_MAX; steps++) {
      const job = await database.jobs.find(id)
      if (!job || job.finishedAt !== null) return
      await push(database, job, candidates, its)
    }
  })
  for (let job = await database.jobs.find(id); job && job.finishedAt === null; job = await database.jobs.find(id)) {
    const refunding = job.state === 'refunding' ? job : await database.jobs.move(job, 'refunding', { ending: 'failed' })
    if (refunding) await fusedOf(database).settle(settlementOf(refunding, 'failed'))
  }
}

async function push(database: Database, job: Job, candidates: readonly Candidate[], random: Random): Promise<void> {
  const { begin, settle } = fusedOf(database)
  const cancelable = job.state !== 'storing' && job.state !== 'refunding'
  if (cancelable && random.chance(0.05)) {
    await database.jobs.move(job, 'refunding', { ending: 'canceled' })
    return
  }
  switch (job.state) {
    case 'created':
    case 'succeeded':
    case 'failed':
    case 'canceled':
      return
    case 'charged':
      await begin({ ...beginOf(job, candidates), number: (await database.jobs.attempts(job.id)).length + 1 })
      return
    case 'submitting':
      await answer(database, job, random)
      return
    case 'running':
      if (random.chance(0.7))
        await database.jobs.move(job, 'storing', { outputs: [{ url: 'https://files.example/0' }] })
      else await database.jobs.move(job, 'refunding', { ending: 'failed' })
      return
    case 'storing':
      await settle(settlementOf(job, 'succeeded', random.integer(1, job.count)))
      return
    case 'refunding':
      await settle(settlementOf(job, job.ending ?? 'failed'))
  }
}

async function answer({ jobs }: Database, job: Job, random: Random): Promise<void> {
  const attemptId = job.attempt?.id ?? randomUUID()
  if (random.chance(0.3)) {
    const refusal = { kind: 'unreachable', scope: 'request', paid: 'no' } as const
    await jobs.record(attemptId, { outcome: 'refused', refusal, wakeInSeconds: 0 })
  } else {
    await jobs.record(attemptId, { outcome: 'accepted', operation: 'op', runUntil: Date.now(), wakeInSeconds: 0 })
  }
}
