/** Users, the journal of provider calls, and wake-ups. */
import type { Instant } from './values.ts'

export interface User {
  id: string
  email: string | null
  name: string | null
  role: 'user' | 'admin'
}
export interface Users {
  find(id: string): Promise<User | null>
  /** Local accounts: the first call for an e-mail makes the user, with the sign-up bonus, once. */
  signIn(email: string): Promise<User>
}

/** One call to a provider, for `provider_logs`. */
export interface ProviderCallRecord {
  at: Instant
  provider: string
  token: string
  jobId: string
  attemptId: string
  action: 'submit' | 'look' | 'follow' | 'lookup' | 'cancel' | 'download' | 'webhook'
  outcome: string
  latencyMs: number
}
export interface Journal {
  /** Never on the money path; losing some is allowed. */
  record(calls: readonly ProviderCallRecord[]): Promise<void>
}

/** Decides when a job is looked at again, never whether it may move. */
export interface Scheduler {
  wake(jobId: string, inSeconds: number): void
}
