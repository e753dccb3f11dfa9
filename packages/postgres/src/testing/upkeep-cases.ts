/** What upkeep promises of figures, files, history and turns, over one driver. Other cases may share the database. */
import type { Case } from '@safelight/core/testing'
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { postgres } from '../database.ts'
import type { SqlDriver } from '../driver.ts'
import { reconciliationChecks } from './reconciliation-cases.ts'
import { admittedJob, expiredPicture, type UpkeepStage, userWith } from './upkeep-steps.ts'

type Check = (stage: UpkeepStage) => Promise<void>

export function upkeepCases(driver: () => SqlDriver): Case[] {
  const checks = { ...reconciliationChecks, ...turnChecks, ...figureChecks, ...fileChecks, ...historyChecks }
  return Object.entries(checks).map(([name, check]) => ({
    name,
    run: () => check({ driver: driver(), database: postgres(driver()) }),
  }))
}

const turnChecks: Record<string, Check> = {
  async 'of all who ask for a task at once one gets it, and nobody again before its time'({ database, driver }) {
    const task = randomUUID()
    const claim = () => database.claimUpkeep(task, 60)
    for (let turn = 0; turn < 4; turn++) {
      const claims = await Promise.all(Array.from({ length: 12 }, claim))
      assert.equal(claims.filter(Boolean).length, 1)
      assert.equal(await claim(), false)
      assert.equal(await database.claimUpkeep(randomUUID(), 60), true)
      await driver.query(
        `update public.upkeep_runs set claimed_at = claimed_at - interval '61 seconds' where task = $1`,
        [task],
      )
    }
    await assert.rejects(database.claimUpkeep(task, 0))
  },
}

const figureChecks: Record<string, Check> = {
  async 'figures count the jobs of their hours by how they ended, by model and by provider'(stage) {
    const { database, driver } = stage
    const before = await database.getGenerationStats()
    const userId = await userWith(stage, 10_000)
    const done = `state = 'succeeded', finished_at = created_at + interval '4 seconds', attempt = '{"provider": "upkeep"}'`
    const lost = `finished_at = now(), attempt = '{"provider": "upkeep"}'`
    await admittedJob(stage, userId, done)
    await admittedJob(stage, userId, done.replace('4 seconds', '8 seconds'))
    await admittedJob(stage, userId, done.replace('4 seconds', '60 seconds'))
    const failed = await admittedJob(stage, userId, `state = 'failed', refunded_credits = 500, ${lost}`)
    await database.ledger.refund({ reference: failed, reason: 'Failed' })
    const canceled = await admittedJob(stage, userId, `state = 'canceled', refunded_credits = 500, ${lost}`)
    await database.ledger.refund({ reference: canceled, reason: 'Canceled' })
    await admittedJob(stage, userId, `state = 'running'`)
    const old = `created_at = now() - interval '25 hours', wake_at = wake_at + interval '1 year'`
    await admittedJob(stage, userId, old)
    const stats = await database.getGenerationStats()
    assert.equal(stats.totalJobs - before.totalJobs, 6)
    assert.equal(stats.completedJobs - before.completedJobs, 3)
    assert.equal(stats.failedJobs - before.failedJobs, 1)
    assert.equal(stats.canceledJobs - before.canceledJobs, 1)
    assert.equal(stats.creditsCharged - before.creditsCharged, 3000)
    assert.equal(stats.creditsRefunded - before.creditsRefunded, 1000)
    const model = `upkeep-${userId.slice(0, 8)}`
    const own = { completedJobs: 3, failedJobs: 1, canceledJobs: 1, creditsCharged: 3000, creditsRefunded: 1000 }
    const [ofModel] = stats.byModel.filter(each => each.model === model)
    assert.deepEqual(ofModel, { model, totalJobs: 6, ...own, medianSeconds: 8 })
    const [ofProvider] = stats.byProvider.filter(({ provider }) => provider === 'upkeep')
    const [earlier] = before.byProvider.filter(({ provider }) => provider === 'upkeep')
    assert.equal(ofProvider!.completedJobs - (earlier?.completedJobs ?? 0), 3)
    assert.equal((await database.getGenerationStats(26)).byModel.find(each => each.model === model)?.totalJobs, 7)
    await driver.query(
      `update public.generation_jobs set wake_at = wake_at + interval '100 years' where user_id = $1`,
      [userId],
    )
  },

  async 'hours that are none are refused'({ database }) {
    for (const hours of [0, -1, 1.5, Number.NaN, 100_000]) {
      await assert.rejects(database.getGenerationStats(hours), { code: 'invalid_input' })
      await assert.rejects(database.detectAnomalies(hours), { code: 'invalid_input' })
    }
  },
}

const fileChecks: Record<string, Check> = {
  async 'what has expired is archived once, and its file is named until it is gone'(stage) {
    const { database } = stage
    const userId = await userWith(stage, 1)
    const { id, key } = await expiredPicture(stage, userId)
    const later = await expiredPicture(stage, userId, { expiresAt: Date.now() + 3_600_000 })
    const first = await allKeys(stage)
    assert(first.includes(key) && !first.includes(later.key))
    assert(((await database.library.find(id))?.archivedAt ?? 0) > 0)
    assert.equal((await database.library.find(later.id))?.archivedAt, null)
    // Whoever archived it may have died before the file was deleted.
    const again = await database.archiveExpiredMedia()
    assert.deepEqual([again.done, again.keys.includes(key)], [0, true])
    assert.equal(await database.forgetArchivedFiles([key, later.key, 'nobody’s']), 1)
    assert.equal(await database.forgetArchivedFiles([key]), 0)
    assert(!(await allKeys(stage)).includes(key))
  },

  async 'what is saved or starred stays, and so does a file that somebody else has'(stage) {
    const { database, driver } = stage
    const userId = await userWith(stage, 1)
    const saved = await expiredPicture(stage, userId)
    await driver.query('update public.media set saved = true where id = $1', [saved.id])
    const starred = await expiredPicture(stage, userId)
    await database.library.change(starred.id, userId, { starred: true })
    const twin = await expiredPicture(stage, userId)
    await expiredPicture(stage, userId, { key: twin.key, expiresAt: null })
    const keys = await allKeys(stage)
    for (const { key } of [saved, starred, twin]) assert(!keys.includes(key))
    assert.equal((await database.library.find(saved.id))?.archivedAt, null)
    assert.equal((await database.library.find(starred.id))?.archivedAt, null)
    assert.notEqual((await database.library.find(twin.id))?.archivedAt, null)
  },

  async 'what was deleted goes when it would have gone, saved or not'(stage) {
    const { database, driver } = stage
    const userId = await userWith(stage, 1)
    const [now, long] = [await expiredPicture(stage, userId, { expiresAt: null }), await expiredPicture(stage, userId, { expiresAt: null })] // prettier-ignore
    for (const { id } of [now, long]) await database.library.change(id, userId, { saved: true, deleted: true })
    await driver.query(`update public.media set deleted_at = now() - interval '31 days' where id = $1`, [long.id])
    const keys = await allKeys(stage)
    assert.deepEqual([keys.includes(now.key), keys.includes(long.key)], [false, true])
  },

  async 'a step is as large as it may be, and says whether there is more'(stage) {
    const userId = await userWith(stage, 1)
    await allKeys(stage)
    await stage.database.forgetArchivedFiles(await allKeys(stage))
    for (let n = 0; n < 5; n++) await expiredPicture(stage, userId)
    const steps = [await stage.database.archiveExpiredMedia({ limit: 3 }), await stage.database.archiveExpiredMedia({ limit: 3 })] // prettier-ignore
    assert.deepEqual(steps.map(({ done }) => done), [3, 2]) // prettier-ignore
    assert.deepEqual(steps.map(({ more }) => more), [true, true]) // prettier-ignore
    // What is not forgotten is named again; which of those that became due in one millisecond comes first is left open.
    const named = new Set(steps.flatMap(({ keys }) => keys))
    assert(named.size >= 3)
    await stage.database.forgetArchivedFiles([...named])
    const { done, more, keys } = await stage.database.archiveExpiredMedia({ limit: 3 })
    assert.deepEqual([done, more, keys.length], [0, false, 5 - named.size])
    assert(keys.every(key => !named.has(key)))
  },
}

async function allKeys({ database }: UpkeepStage): Promise<string[]> {
  for (;;) {
    const { more, keys } = await database.archiveExpiredMedia({ limit: 5000 })
    if (!more) return keys
  }
}

const historyChecks: Record<string, Check> = {
  async 'a job loses its prompt when its files have gone, and never its money'(stage) {
    const { database, driver } = stage
    const userId = await userWith(stage, 10_000)
    const ended = (days: number) =>
      `state = 'succeeded', created_at = now() - interval '${days} days', finished_at = now() - interval '${days} days',
       outputs = '[{"url": "https://v.test/private"}]', operation = '{"id": "x"}', progress = '{"fraction": 1}'`
    const input = {
      prompt: 'private',
      negativePrompt: 'private too',
      images: [] as string[],
      size: 'square',
      count: 1,
      seed: '7',
    } as const
    const job = (columns: string) => admittedJob(stage, userId, columns, { input })
    const ids = {
      old: await job(ended(31)),
      kept: await job(ended(31)),
      young: await job(ended(29)),
      open: await job(
        `state = 'running', created_at = now() - interval '31 days', wake_at = now() + interval '100 years'`,
      ),
    }
    await expiredPicture(stage, userId, { jobId: ids.kept, expiresAt: null })
    for (const id of Object.values(ids)) {
      await driver.query(
        `insert into public.job_attempts (id, job_id, provider, endpoint, token, account, lane) values ($1, $2, 'p', 'e', 't', 'a', 'image')`,
        [randomUUID(), id],
      )
    }
    for (let step = { more: true }; step.more;) step = await database.trimHistory()
    const found = async (id: string) => (await database.jobs.find(id))!
    assert.deepEqual((await found(ids.old)).input, { prompt: '', size: 'square', count: 1, seed: '7' })
    const { outputs, operation, progress, price, state } = await found(ids.old)
    assert.deepEqual([outputs, operation, progress, price, state], [null, null, null, 500, 'succeeded'])
    for (const id of [ids.kept, ids.young, ids.open]) assert.equal((await found(id)).input.prompt, 'private')
    const attempts = await driver.query('select job_id from public.job_attempts where job_id = any ($1)', [
      Object.values(ids),
    ])
    assert.deepEqual(new Set(attempts.map(row => row['job_id'])), new Set([ids.kept, ids.young, ids.open]))
    assert.equal(await database.ledger.balance(userId), 8000)
    const again = await database.trimHistory()
    assert.deepEqual(again, { done: 0, more: false })
  },

  async 'old logs and old deliveries go, in steps, and those of today stay'({ database, driver }) {
    for (let step = { more: true }; step.more;) step = await database.trimHistory()
    const provider = randomUUID()
    for (const days of [31, 32, 33, 1]) {
      await driver.query(
        `insert into public.provider_logs (created_at, provider, token, action, outcome, latency_ms)
         values (now() - $1::integer * interval '1 day', $2, 't', 'submit', 'ok', 1)`,
        [days, provider],
      )
      await driver.query(
        `insert into public.webhook_deliveries (provider, delivery_id, received_at)
         values ($2, $1::text, now() - $1::integer * interval '1 day')`,
        [days, provider],
      )
    }
    assert.deepEqual(await database.trimHistory({ limit: 2 }), { done: 4, more: true })
    assert.deepEqual(await database.trimHistory({ limit: 2 }), { done: 2, more: false })
    for (const table of ['provider_logs', 'webhook_deliveries'])
      assert.equal((await driver.query(`select from public.${table} where provider = $1`, [provider])).length, 1)
  },

  async 'limits that nobody uses any more are forgotten'({ database, driver }) {
    const [old, young] = [randomUUID(), randomUUID()]
    await database.cleanupExpiredRateLimits()
    for (const key of [old, young]) await database.limiter.take([{ key, name: 'user', max: 3, windowSeconds: 60 }])
    await driver.query(`update public.rate_limits set expires_at = now() - interval '1 second' where key = $1`, [old])
    assert.equal(await database.cleanupExpiredRateLimits(), 1)
    assert.equal((await driver.query('select from public.rate_limits where key = $1', [young])).length, 1)
  },
}
