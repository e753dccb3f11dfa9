import { randomUUID } from 'node:crypto'
import type { Database } from '../../../contracts.ts'
import { limitsOf } from '../../../settings.ts'
import { fusedOf } from '../fused-steps.ts'
import type { DatabaseHarness } from '../suite.ts'
import { type Broken, pause } from './broken.ts'

type Good = Database & ReturnType<typeof fusedOf>

function broken(name: string, caughtBy: string, mistake: (good: Good) => Partial<Database>): Broken<DatabaseHarness> {
  return {
    name,
    caughtBy,
    breaks: harness => {
      const good = { ...harness.database, ...fusedOf(harness.database) }
      return { ...harness, database: { ...good, ...mistake(good) } }
    },
  }
}

const brokenAdmissions: readonly Broken<DatabaseHarness>[] = [
  broken(
    'charges before it looks at the limits',
    'who is over the limit is told when to come back, and takes nothing',
    good => ({
      async admit(admission) {
        const answer = await good.admit(admission)
        const { id, userId, price, kind } = admission.job
        const charge = { userId, amount: price, reference: id, description: 'Too early', kind }
        return answer.outcome === 'rate_limited'
          ? { ...answer, balance: (await good.ledger.charge(charge)).balance }
          : answer
      },
    }),
  ),

  broken('counts replays', 'the same key and request is the same job: nothing charged, nothing counted', good => ({
    async admit(admission) {
      const answer = await good.admit(admission)
      if (answer.outcome !== 'replayed') return answer
      const limits = limitsOf(await good.settings.read(), { userId: admission.job.userId, ip: admission.ip })
      return { ...answer, limits: (await good.limiter.take(limits)).limits }
    },
  })),

  broken('asks the kill switch before it counts', 'a refusal within the limits counts, a 429 does not', good => ({
    async admit(admission) {
      const settings = await good.settings.read()
      const limits = await good.limiter.peek(limitsOf(settings, { userId: admission.job.userId, ip: admission.ip }))
      const balance = await good.ledger.balance(admission.job.userId)
      return settings.appEnabled ? good.admit(admission) : { outcome: 'closed', balance, retryAfterSeconds: 0, limits }
    },
  })),

  broken(
    'refuses a replay while it is closed',
    'a replay comes before every refusal, also after the end of its job',
    good => ({
      async admit(admission) {
        const answer = await good.admit(admission)
        const { appEnabled } = await good.settings.read()
        const refused = { balance: answer.balance, retryAfterSeconds: 0, limits: answer.limits }
        return appEnabled || answer.outcome === 'rate_limited' ? answer : { outcome: 'closed', ...refused }
      },
    }),
  ),

  broken('keeps the key of a refused request', 'a refused request leaves its key and id free', good => {
    const refused = new Set<string>()
    return {
      async admit(admission) {
        const key = `${admission.job.userId} ${admission.job.idempotencyKey ?? randomUUID()}`
        const answer = await good.admit(admission)
        if (refused.has(key) && 'job' in answer) {
          return {
            outcome: 'idempotency_conflict',
            balance: answer.balance,
            retryAfterSeconds: 0,
            limits: answer.limits,
          }
        }
        if (answer.outcome === 'insufficient_credits') refused.add(key)
        return answer
      },
    }
  }),

  broken(
    'looks for the key first and admits later',
    '20 at once under one key: one admitted, 19 replayed, charged once, counted once',
    good => {
      const known = new Map<string, string>()
      return {
        async admit(admission) {
          const { userId, idempotencyKey } = admission.job
          const key = `${userId} ${idempotencyKey ?? randomUUID()}`
          const first = known.get(key)
          if (first !== undefined) return good.admit({ ...admission, job: { ...admission.job, id: first } })
          await pause()
          const job = { ...admission.job, id: known.has(key) ? randomUUID() : admission.job.id, idempotencyKey: null }
          known.set(key, job.id)
          return good.admit({ ...admission, job })
        },
      }
    },
  ),

  broken(
    'reads the balance first and admits later',
    '60 at once of a new user: 6 admitted, 4 without credits, 50 over the limit',
    good => ({
      async admit(admission) {
        const { userId, price } = admission.job
        const enough = (await good.ledger.balance(userId)) >= price
        await pause()
        const short = price - (await good.ledger.balance(userId))
        const grant = { userId, amount: short, key: randomUUID(), description: 'Overdrawn' }
        if (enough && short > 0) await good.ledger.grant(grant)
        return good.admit(admission)
      },
    }),
  ),

  broken('admits whoever comes', 'somebody without an account is admitted to nothing', good => ({
    async admit(admission) {
      const answer = await good.admit(admission)
      if (answer.outcome !== 'no_account') return answer
      const { userId, price } = admission.job
      await good.ledger.grant({ userId, amount: price, key: randomUUID(), description: 'Welcome' })
      return good.admit(admission)
    },
  })),
]

const brokenBegins: readonly Broken<DatabaseHarness>[] = [
  broken('takes a token before it looks at the job', 'a job that moved does not begin, and holds no token', good => ({
    async begin(request) {
      const { attemptId, job, lane, candidates } = request
      const begun = await good.begin(request)
      if (begun.status === 'lost')
        await good.tokens.acquire({ attemptId, jobId: job.id, model: job.model, lane, candidates })
      return begun
    },
  })),

  broken('does not look at the cap', 'of 20 jobs that begin at once as many do as the cap allows', good => ({
    begin: request =>
      good.begin({ ...request, candidates: request.candidates.map(each => ({ ...each, maxOpen: null })) }),
  })),

  broken('begins a job that is as it was', 'of 20 who begin one job at once one does', good => ({
    async begin(request) {
      const begun = await good.begin(request)
      const [candidate] = request.candidates
      const job = await good.jobs.find(request.job.id)
      return begun.status === 'lost' && candidate && job?.state === 'submitting'
        ? { status: 'begun', job, candidate }
        : begun
    },
  })),
]

const brokenSettlements: readonly Broken<DatabaseHarness>[] = [
  broken('settles the job as it is', 'a job that moved is not settled, and nothing of it is written', good => ({
    async settle(settlement) {
      const job = await good.jobs.find(settlement.job.id)
      return job && good.settle({ ...settlement, job })
    },
  })),

  broken('writes the files before it looks', 'a job that moved is not settled, and nothing of it is written', good => ({
    async settle(settlement) {
      const { id: jobId, userId, kind } = settlement.job
      for (const file of settlement.files) await good.library.add({ ...file, userId, kind, jobId, expiresAt: null })
      return good.settle(settlement)
    },
  })),

  broken(
    'refunds whether it was first or not',
    'a job that moved is not settled, and nothing of it is written',
    good => ({
      async settle(settlement) {
        const settled = await good.settle(settlement)
        if (!settled) await good.ledger.refund({ reference: settlement.job.id, reason: 'Lost' })
        return settled
      },
    }),
  ),

  broken('refunds all or nothing', 'a part is paid for as a part', good => ({
    async settle(settlement) {
      if (settlement.files.length > 0)
        await good.ledger.refund({ reference: settlement.job.id, amount: 0, reason: 'Enough' })
      return good.settle(settlement)
    },
  })),

  broken(
    'refunds in one step and ends in another',
    'of 30 settlements and refunds at once one end comes, and one refund at most',
    good => ({
      async settle(settlement) {
        const { job, files, ending } = settlement
        const missing = (job.price / job.count) * (job.count - files.length)
        await pause()
        if (missing > 0) {
          const grant = { userId: job.userId, amount: missing, key: randomUUID(), description: 'Refund' }
          await good.ledger.grant(grant)
        }
        return good.jobs.move(job, ending, { media: files.map(({ file }) => file), refundedCredits: missing })
      },
    }),
  ),

  broken('keeps files as long as it always has', 'files are kept as long as the settings say', good => ({
    async settle(settlement) {
      const { id: jobId, userId, kind } = settlement.job
      const before = await good.jobs.find(jobId)
      const expiresAt = Date.now() + 30 * 86_400_000
      if (before?.version === settlement.job.version) {
        for (const file of settlement.files) await good.library.add({ ...file, userId, kind, jobId, expiresAt })
      }
      return good.settle(settlement)
    },
  })),
]

export const brokenDatabases: readonly Broken<DatabaseHarness>[] = [
  ...brokenAdmissions,
  ...brokenBegins,
  ...brokenSettlements,
]
