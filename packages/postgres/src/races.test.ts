/** What only several connections at once can show. On a real Postgres, because PGlite has one. */
import { randomUUID } from 'node:crypto'
import type { Database, Job } from '@safelight/core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { postgres } from './database.ts'
import type { SqlDriver } from './driver.ts'
import { type Engine, ENGINES, newUser } from './testing/engines.ts'
import { newJob } from './testing/own-cases.ts'

let engine: Engine
let driver: SqlDriver
let database: Required<Database>
beforeAll(async () => {
  engine = await ENGINES.postgres()
  driver = await engine.open()
  database = postgres(driver)
})
afterAll(async () => {
  await driver.close()
  await engine.close()
})

async function richUser(balance: number): Promise<string> {
  const userId = await newUser(driver)
  await database.ledger.grant({ userId, amount: balance, key: userId, description: 'To begin with' })
  return userId
}
async function admitted(userId: string): Promise<Job> {
  const answer = await database.admit({ job: newJob(userId), ip: null, hasCapacity: true })
  if (answer.outcome !== 'admitted') throw new Error(answer.outcome)
  return answer.job
}
const together = <Result>(count: number, work: (index: number) => Promise<Result>) =>
  Promise.all(Array.from({ length: count }, (_, index) => work(index)))
const tally = (outcomes: readonly string[]) =>
  Object.fromEntries([...new Set(outcomes)].map(outcome => [outcome, outcomes.filter(each => each === outcome).length]))

/** Everybody's balance is the sum of their entries, and no reference moved money twice. */
async function checkBooks(): Promise<void> {
  const wrong = await driver.query(`
    select a.user_id from public.credit_accounts a left join public.credit_ledger l using (user_id)
     group by a.user_id having a.balance <> coalesce(sum(l.delta), 0) or a.seq <> count(l.*) or a.seq <> coalesce(max(l.seq), 0)`)
  expect(wrong).toEqual([])
}

test('a 429 and a replay write nothing: not even a transaction number is given to them', async () => {
  const userId = await richUser(10_000)
  const first = newJob(userId, { idempotencyKey: 'k' })
  await database.admit({ job: first, ip: null, hasCapacity: true })
  await together(10, () => database.admit({ job: newJob(userId), ip: null, hasCapacity: true }))
  for (const [job, outcome] of [
    [newJob(userId), 'rate_limited'],
    [{ ...first, id: randomUUID() }, 'replayed'],
  ] as const) {
    const rows = await driver.query(
      `with answer as materialized (select public.admit_job($1, null, true) as answer)
       select answer ->> 'outcome' as outcome, pg_current_xact_id_if_assigned() is null as wrote_nothing from answer`,
      [JSON.stringify(job)],
    )
    expect(rows).toEqual([{ outcome, wrote_nothing: true }])
  }
})

test('check_rate_limit: forty at once for ten places, exactly ten get one, and nobody sees an error', async () => {
  const check = () =>
    driver.call<{ allowed: boolean; retry_after_ms: number }>('check_rate_limit', {
      key: 'forty',
      max_requests: 10,
      window_seconds: 60,
    })
  const answers = await together(40, check)
  expect(answers.filter(({ allowed }) => allowed)).toHaveLength(10)
  for (const { allowed, retry_after_ms } of answers) expect(retry_after_ms > 0).toBe(!allowed)
  expect(await check()).toMatchObject({ allowed: false, limit: 10, remaining: 0 })
  await driver.query(`update public.rate_limits set expires_at = now() - interval '1 s' where key = 'forty'`)
  expect(await driver.query('select public.cleanup_expired_rate_limits() as deleted')).toEqual([{ deleted: 1 }])
  expect(await check()).toEqual({ allowed: true, limit: 10, remaining: 9, retry_after_ms: 0 })
  await expect(
    driver.call('check_rate_limit', { key: 'forty', max_requests: 10, window_seconds: 0 }),
  ).rejects.toMatchObject({ code: '22023' })
})

test('charge and refund of one reference at once: taken and given back, or never taken', async () => {
  const userId = await richUser(50_000)
  for (let round = 0; round < 15; round++) {
    const reference = randomUUID()
    const charge = { userId, amount: 500, reference, description: 'Charge', kind: 'image' } as const
    const outcomes = await together(12, async index =>
      index % 2
        ? (await database.ledger.refund({ reference, reason: 'Race' })).outcome
        : (await database.ledger.charge(charge)).outcome,
    )
    const counts = tally(outcomes)
    const moved = (counts['charged'] ?? 0) === 1
    expect(counts['charged'] ?? 0).toBeLessThanOrEqual(1)
    const { items } = await database.ledger.entries({ userId, limit: 100 })
    const sum = items.filter(({ jobId }) => jobId === reference).map(({ kind }) => kind)
    expect(sum.toSorted((a, b) => a.localeCompare(b))).toEqual(moved ? ['charge', 'refund'] : [])
  }
  expect(await database.ledger.balance(userId)).toBe(50_000)
  await checkBooks()
})

test('one grant that comes for two users at once lands on one of them', async () => {
  const users = [await newUser(driver), await newUser(driver)]
  for (let round = 0; round < 10; round++) {
    const key = randomUUID()
    const answers = await together(8, index =>
      database.ledger.grant({ userId: users[index % 2]!, amount: 10, key, description: 'Race' }),
    )
    expect(tally(answers.map(({ outcome }) => outcome))).toEqual({ granted: 1, replayed: 3, conflict: 4 })
  }
  await checkBooks()
})

test('settlement, cancellation and a refund by hand at once: one end, one refund', async () => {
  for (let round = 0; round < 8; round++) {
    const userId = await richUser(3000)
    const job = await admitted(userId)
    const refunding = await database.jobs.move(job, 'refunding', { ending: 'canceled' })
    const answers = await together(9, async index =>
      index % 3 === 0
        ? database.ledger.refund({ reference: job.id, reason: 'By hand' })
        : database.settle({
            job: refunding!,
            ending: index % 3 === 1 ? 'canceled' : 'failed',
            files: [],
            reason: 'Settled',
          }),
    )
    expect(answers.filter(answer => answer !== null && 'state' in answer)).toHaveLength(1)
    const ended = await database.jobs.find(job.id)
    expect([ended?.refundedCredits, await database.ledger.balance(userId)]).toEqual([500, 3000])
  }
  await checkBooks()
})

test('a storing job that settles many times is paid and kept once', async () => {
  const userId = await richUser(3000)
  const charged = await database.admit({ job: newJob(userId, { price: 2000, count: 4 }), ip: null, hasCapacity: true })
  if (charged.outcome !== 'admitted') throw new Error(charged.outcome)
  const storing = (await database.jobs.move(charged.job, 'storing'))!
  const file = { key: 'k', contentType: 'image/png', bytes: 3, width: 1, height: 1, durationSeconds: null, hash: 'h' }
  const answers = await together(10, () => {
    const files = [0, 2].map(index => ({ id: randomUUID(), index, file }))
    return database.settle({ job: storing, ending: 'succeeded', files, reason: 'Two of four are missing' })
  })
  expect(answers.filter(answer => answer !== null)).toMatchObject([{ state: 'succeeded', refundedCredits: 1000 }])
  expect(await database.library.ofJobs([charged.job.id])).toHaveLength(2)
  expect(await database.ledger.balance(userId)).toBe(2000)
})

test('many connections claim every due job exactly once, and nobody waits behind somebody else’s hundred', async () => {
  const crowd = await engine.open()
  const { jobs } = postgres(crowd)
  const [busy, ...others] = await together(6, () => newUser(crowd))
  for (let n = 0; n < 100; n++) await jobs.create(newJob(busy!))
  for (const userId of others) for (let n = 0; n < 4; n++) await jobs.create(newJob(userId))
  const first = await jobs.due({ limit: 12, leaseSeconds: 60 })
  expect(tally(first.map(({ userId }) => userId))).toEqual(
    Object.fromEntries([busy!, ...others].map(userId => [userId, 2])),
  )
  const claimed = first.map(({ id }) => id)
  await together(8, async () => {
    for (;;) {
      const mine = await jobs.due({ limit: 5, leaseSeconds: 60 })
      claimed.push(...mine.map(({ id }) => id))
      if (mine.length === 0) return
    }
  })
  expect(claimed).toHaveLength(120)
  expect(new Set(claimed).size).toBe(120)
  await crowd.close()
})

test('a claim of one at a time takes turns as well', async () => {
  const quiet = await engine.open()
  const { jobs } = postgres(quiet)
  const [busy, other] = [await newUser(quiet), await newUser(quiet)]
  for (let n = 0; n < 10; n++) await jobs.create(newJob(busy))
  await jobs.create(newJob(other))
  const turns = []
  for (let n = 0; n < 3; n++) turns.push((await jobs.due({ limit: 1, leaseSeconds: 60 }))[0]?.userId)
  expect(turns).toEqual([busy, other, busy])
  await quiet.close()
})

test('a place that a job gives up is free for one of those that wait', async () => {
  const userId = await richUser(100_000)
  await database.settings.write({ limits: { userPerMinute: 1000, ipPerMinute: 1000, windowSeconds: 60 } })
  const jobs = await together(9, () => admitted(userId))
  const candidates = [{ provider: 'full', endpoint: 'e', token: 't', account: 'a', maxOpen: 3 }]
  const begin = (job: Job) =>
    database.begin({ job, attemptId: randomUUID(), number: 1, lane: 'image', candidates, wakeInSeconds: 60 })
  const begun = await Promise.all(jobs.map(begin))
  const [first] = begun.flatMap(each => (each.status === 'begun' ? [each.job] : []))
  await database.jobs.move(first!, 'refunding', { ending: 'canceled' })
  const waiting = jobs.filter((_, index) => begun[index]?.status === 'wait')
  expect(tally((await Promise.all(waiting.map(begin))).map(({ status }) => status))).toEqual({ begun: 1, wait: 5 })
})

test('everything at once, 3,000 times over 24 connections: no error, and the books are right', async () => {
  const users = await together(12, () => richUser(20_000))
  const any = <Item>(items: readonly Item[]) => items[Math.floor(Math.random() * items.length)]!
  const open: Job[] = []
  const acts: (() => Promise<unknown>)[] = [
    async () => {
      const answer = await database.admit({
        job: newJob(any(users)),
        ip: `10.0.0.${Math.floor(Math.random() * 4)}`,
        hasCapacity: true,
      })
      if (answer.outcome === 'admitted') open.push(answer.job)
    },
    async () => {
      const job = open.length > 0 ? any(open) : null
      const refunding = job && (await database.jobs.move(job, 'refunding', { ending: 'failed' }))
      if (refunding) await database.settle({ job: refunding, ending: 'failed', files: [], reason: 'Chaos' })
    },
    async () => {
      if (open.length > 0) await database.ledger.refund({ reference: any(open).id, reason: 'By hand' })
    },
    () =>
      database.ledger.grant({
        userId: any(users),
        amount: 100,
        key: `chaos:${Math.floor(Math.random() * 200)}`,
        description: 'Chaos',
      }),
    () => database.limiter.take([{ key: `user:${any(users)}`, name: 'user', max: 1000, windowSeconds: 60 }]),
    () => database.jobs.due({ limit: 3, leaseSeconds: 1 }),
  ]
  await together(24, async () => {
    for (let n = 0; n < 125; n++) await any(acts)()
  })
  await checkBooks()
  const twice = await driver.query(`select reference, kind from public.credit_ledger group by 1, 2 having count(*) > 1`)
  expect(twice).toEqual([])
  const unpaid = await driver.query(`
    select j.id from public.generation_jobs j left join public.credit_ledger l on l.reference = j.id::text
     where j.price > 0 and j.state not in ('created') and j.model = 'demo-image' group by j.id
    having count(*) filter (where l.kind = 'charge') <> 1
        or (j.state = 'failed' and count(*) filter (where l.kind = 'refund') <> 1)`)
  expect(unpaid).toEqual([])
})
