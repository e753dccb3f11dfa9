/** What a simulator accepted and would bill: the other side's truth, for tests to compare ours with. */

export interface BookEntry {
  provider: string
  /** The vendor's id of the job. */
  id: string
  endpoint: string
  account: string
  /** The key's last four characters are enough to tell keys apart. */
  keyEnd: string
  acceptedAt: number
  /** Would be on the bill. Set false by a failure that the vendor does not charge. */
  paid: boolean
  cancelledAt: number | null
  outcome: 'open' | 'succeeded' | 'failed' | 'cancelled'
}

export interface RequestEntry {
  provider: string
  at: number
  action: string
  method: string
  path: string
  status: number | 'lost' | 'reset' | 'hung'
}

export interface Books {
  /** Accepted submits, oldest first. */
  readonly jobs: BookEntry[]
  /** Every request that came in. */
  readonly requests: RequestEntry[]
}
