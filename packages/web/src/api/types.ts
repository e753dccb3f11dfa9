/** What travels between the page and the server, as the server's OpenAPI document describes it. */

export type Kind = 'image' | 'edit' | 'video'
export type SizeId = 'portrait' | 'square' | 'landscape'

export interface Size {
  id: SizeId
  width: number
  height: number
}

/** Credits for one output under a condition; an empty condition always holds. */
export interface Price {
  when: { duration?: number }
  credits: number
}

export interface Model {
  id: string
  name: string
  kind: Kind
  description: string
  prices: Price[]
  sizes: Size[]
  /** Seconds. */
  durations?: number[]
  styles?: { id: string; name: string }[]
  images?: { required: boolean; maxCount: number }
  count: { max: number }
  estimatedSeconds: SecondsRange | null
  lifecycle: { status: 'live' | 'deprecated' | 'disabled'; shutdownAt?: string; replacement?: string }
}

export interface SecondsRange {
  low: number
  high: number
}

export interface JobInput {
  prompt: string
  size?: SizeId
  count?: number
  /** Digits where the number passes 2^53. */
  seed?: number | string
  duration?: number
  style?: string
  images?: string[]
}

export interface JobRequest {
  model: string
  input: JobInput
}

export type JobState = 'queued' | 'running' | 'storing' | 'succeeded' | 'failed' | 'canceled'

export interface Progress {
  /** 0..1, or null where nobody knows. */
  fraction: number | null
  stage: string
  queuePosition: number | null
  etaSeconds: SecondsRange | null
  /** A small data: address, where the provider shows the picture coming. */
  preview?: string
}

export interface Job {
  id: string
  model: string
  kind: Kind
  input: JobInput
  price: number
  state: JobState
  progress: Progress
  media: Media[]
  failure: { code: string; message: string } | null
  refundedCredits: number
  createdAt: string
  finishedAt: string | null
}

export interface Media {
  id: string
  kind: Kind | 'upload'
  index: number
  url: string
  contentType: string
  /** Null where nobody could tell; likewise the height. */
  width: number | null
  height: number | null
  bytes: number
  durationSeconds: number | null
  placeholder?: string
  saved: boolean
  starred: boolean
  expiresAt: string | null
  createdAt: string
  jobId: string | null
}

export interface User {
  id: string
  email: string | null
  name: string | null
  role: 'user' | 'admin'
}

export interface Session {
  user: User | null
  methods: ('local' | 'google' | 'email')[]
}

export interface Account {
  user: User
  balance: number
  limits: { perMinute: number; remaining: number; resetsInSeconds: number }
}

export interface LedgerEntry {
  id: string
  kind: 'grant' | 'charge' | 'refund' | 'adjustment'
  delta: number
  balanceAfter: number
  description: string
  jobId: string | null
  createdAt: string
}

export interface Page<Item> {
  items: Item[]
  nextCursor: string | null
}

/** RFC 9457, with the fields that some codes add. */
export interface ProblemBody {
  title: string
  status: number
  code: string
  detail: string
  requestId?: string
  fields?: { path: string; message: string }[]
  retryAfterSeconds?: number
  balance?: number
  price?: number
}
