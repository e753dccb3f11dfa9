/** What the engine works with: the ports, with the fused calls where they are offered and put together where not. */
import pLimit, { type LimitFunction } from 'p-limit'
import { admitSeparately } from './admission.ts'
import type {
  Admission,
  Admitted,
  Begun,
  CurrentAttempt,
  Database,
  Deliveries,
  Job,
  MediaStore,
  Transport,
} from './contracts.ts'
import type { ProviderCallRecord, Settlement } from './contracts.ts'
import { createFollowers, type Followers } from './followers.ts'
import { createPace, type Pace } from './pace.ts'
import type { Registry } from './registry.ts'
import { settleSeparately } from './settlement.ts'

export interface Parts extends Pick<Database, 'jobs' | 'ledger' | 'limiter' | 'tokens' | 'settings' | 'library'> {
  registry: Registry
  media: MediaStore
  admit(admission: Admission): Promise<Admitted>
  begin(request: BeginRequest): Promise<Begun>
  settle(settlement: Settlement): Promise<Job | null>
  transport: Transport
  deliveries: Deliveries
  now(): number
  newId(): string
  webhookUrl(attempt: CurrentAttempt, jobId: string): string | null
  /** Tells whoever watches in this process. */
  changed(job: Job): void
  /** Where trouble goes that a job survives: somebody should know, and nobody is waiting for it. */
  trouble(error: unknown, about: { jobId?: string; doing: string }): void
  /** Never on the money path. */
  journal(call: ProviderCallRecord): void
  /** How often a copy is tried again at once; beyond that the job waits, and anyone may go on. */
  transferRetries: number
  /** Lines that are held open to providers which push. */
  followers: Followers
  pace: Pace
  /** Copies of files under way at once. */
  transfers: LimitFunction
}

export type BeginRequest = Parameters<NonNullable<Database['begin']>>[0]

const TRANSFERS_MAX = 6

type Given = Omit<Parts, 'admit' | 'begin' | 'settle' | 'transfers' | 'followers' | 'pace'>

/** `fused` is a database whose ports were not replaced. */
export function partsOf(given: Given, fused: Pick<Database, 'admit' | 'begin' | 'settle'>): Parts {
  const parts = {
    ...given,
    admit: (admission: Admission) => (fused.admit ? fused.admit(admission) : admitSeparately(parts, admission)),
    begin: (request: BeginRequest) => (fused.begin ? fused.begin(request) : beginSeparately(parts, request)),
    settle: (settlement: Settlement) => (fused.settle ? fused.settle(settlement) : settleSeparately(parts, settlement)),
    transfers: pLimit(TRANSFERS_MAX),
  } as Parts
  parts.followers = createFollowers(parts)
  parts.pace = createPace(parts)
  return parts
}

async function beginSeparately(parts: Parts, request: BeginRequest): Promise<Begun> {
  const { job, attemptId, number, lane, candidates, wakeInSeconds } = request
  const acquired = await parts.tokens.acquire({ attemptId, jobId: job.id, model: job.model, lane, candidates })
  if (acquired.status !== 'token') return acquired
  const { provider, endpoint, token, account } = acquired.candidate
  const attempt = { id: attemptId, number, provider, endpoint, token, account, lane }
  const begun = await parts.jobs.begin(job, attempt, wakeInSeconds)
  return begun ? { status: 'begun', job: begun, candidate: acquired.candidate } : { status: 'lost' }
}
