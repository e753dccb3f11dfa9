/**
 * Through a Supabase project's API: admission and settlement as one call each, against the calls that a client makes who
 * puts them together itself, one after the other because each depends on the one before. Those are our own functions, so
 * that what is compared is the number of calls and not how well each is written.
 */
import type { Job } from '@safelight/core'
import { migrate, postgres, type SqlDriver } from '@safelight/postgres'
import { supabase } from '@safelight/supabase'
import { setup } from '../../../../supabase/test/install.ts'
import { CANNOT_RUN, startStack } from '../../../../supabase/test/stack.ts'
import { atLeast, compare, CONNECTIONS, type Contender, heading, ratio, repeat } from './rounds.ts'
import { admit, allowPerMinute, makePeople, newFile, newJob, pick, randomAddress } from './work.ts'

const GOAL = 2
/** More than all rounds of both contenders settle. */
const READY_JOBS = 24_000

type Project = ReturnType<typeof supabase>

export async function postgrest(): Promise<void> {
  heading(`PostgREST: one call against the sequence, ${CONNECTIONS} callers`)
  if (CANNOT_RUN !== null) return console.log(`  not measured: ${CANNOT_RUN}`)
  setup()
  const stack = await startStack({ durable: true })
  try {
    await migrate(stack.database)
    await stack.reload()
    const { url, secretKey } = stack.project
    const project = supabase({ url, secretKey })
    const people = await makePeople(stack.database)
    await allowPerMinute(project, 1000)
    const jobs = await jobsInStoring(stack.database)
    const next = (): Job => {
      const job = jobs.pop()
      if (!job) throw new Error('All jobs that were made ready are settled.')
      return job
    }
    const contenders: [string, () => Promise<unknown>][] = [
      ['admission, admit_job', () => admit(project, pick(people))],
      ['admission, six calls', () => admitInCalls(project, pick(people))],
      ['settlement, settle_job', () => settle(project, next())],
      ['settlement, three calls', () => settleInCalls(project, next())],
    ]
    const figures = await compare(contenders.map(([name, once]): Contender => ({ name, measure: () => repeat(once) })))
    for (const [over, under] of [
      ['admission, admit_job', 'admission, six calls'],
      ['settlement, settle_job', 'settlement, three calls'],
    ] as const)
      atLeast(`${over} / ${under.split(', ')[1]}`, ratio(figures, over, under), GOAL)
  } finally {
    await stack.close()
  }
}

/** Settings, two limits, balance, charge, job: a server that dies between two of them leaves a charge without a job. */
async function admitInCalls({ settings, limiter, ledger, jobs }: Project, userId: string): Promise<void> {
  const job = newJob(userId)
  const { appEnabled, limits } = await settings.read()
  const { userPerMinute, ipPerMinute, windowSeconds } = limits
  const user = { key: `user:${userId}`, name: 'user', max: userPerMinute, windowSeconds }
  const ip = { key: `ip:${randomAddress()}`, name: 'ip', max: ipPerMinute, windowSeconds }
  const isAllowed = (await limiter.take([user])).allowed && (await limiter.take([ip])).allowed
  const balance = await ledger.balance(userId)
  if (!appEnabled || !isAllowed || balance < job.price) throw new Error('An admission was refused.')
  const charge = { userId, amount: job.price, reference: job.id, description: job.model, kind: job.kind }
  const { outcome } = await ledger.charge(charge)
  if (outcome !== 'charged') throw new Error(`A charge ended as ${outcome}.`)
  await jobs.create(job)
}

async function settle(project: Project, job: Job): Promise<void> {
  const files = [newFile(job.id)]
  const settled = await project.settle({ job, ending: 'succeeded', files, reason: 'One of two' })
  if (settled?.refundedCredits !== job.price / 2) throw new Error('A job was not settled.')
}

/** The picture, the refund of the one that is missing, the end. */
async function settleInCalls({ library, ledger, jobs }: Project, job: Job): Promise<void> {
  const { userId, kind, id: jobId } = job
  await library.add({ userId, kind, jobId, expiresAt: Date.now() + 86_400_000, ...newFile(jobId) })
  const amount = job.price / 2
  const { outcome } = await ledger.refund({ reference: jobId, amount, reason: 'One of two' })
  if (outcome !== 'refunded' || !(await jobs.move(job, 'succeeded', { refundedCredits: amount })))
    throw new Error('A job was not settled.')
}

/** Charged jobs of two pictures that are there to be settled; made on the database itself. */
async function jobsInStoring(driver: SqlDriver): Promise<Job[]> {
  await driver.query(
    `insert into public.generation_jobs (id, user_id, model, kind, input, price, count, request_hash, state, queue_until)
     select gen_random_uuid(), user_id, 'bench-image', 'image', '{}', 500, 2, 'hash', 'storing', now() + interval '1 hour'
       from (select user_id from public.credit_accounts limit $1::integer / 4) person, generate_series(1, 4);`,
    [READY_JOBS],
  )
  await driver.query(
    `select public.charge_credits(user_id, price, id::text, id, model, '{}') from public.generation_jobs`,
  )
  await driver.query('vacuum analyze')
  const jobs: Job[] = []
  let cursor: string | undefined
  do {
    const page = await postgres(driver).jobs.list({ states: ['storing'], limit: 5000, ...(cursor ? { cursor } : {}) })
    jobs.push(...page.items)
    cursor = page.nextCursor ?? undefined
  } while (cursor !== undefined)
  return jobs
}
