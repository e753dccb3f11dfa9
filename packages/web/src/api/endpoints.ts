/** The server's endpoints that the page uses, one function each. */
import { ask } from './http.ts'
import type { Account, Job, JobRequest, Kind, LedgerEntry, Media, Model, Page, Session, User } from './types.ts'

/** An upload may be 20 MB over a phone's connection. */
const UPLOAD_TIMEOUT_SECONDS = 180
const PAGE_LIMIT = 30

export const getSession = (signal?: AbortSignal) => ask<Session>('/api/session', { signal })
export const signInLocally = () => ask<{ user: User }>('/auth/local', { method: 'POST', json: {} })
/** `user` is null where a link in an e-mail has to be followed first, as `detail` says. */
type EmailAnswer = { user: User; detail?: undefined } | { user: null; detail: string }
type Credentials = { email: string; password: string }
export const signInByEmail = (json: Credentials) => ask<EmailAnswer>('/auth/email/sign-in', { method: 'POST', json })
export const signUpByEmail = (json: Credentials) => ask<EmailAnswer>('/auth/email/sign-up', { method: 'POST', json })
export const signOut = () => ask<unknown>('/auth/sign-out', { method: 'POST' })

export const listModels = (signal?: AbortSignal) => ask<{ items: Model[] }>('/api/models', { signal })
export const getAccount = (signal?: AbortSignal) => ask<Account>('/api/account', { signal })

export const listJobs = (signal?: AbortSignal) => ask<Page<Job>>(`/api/jobs?limit=${PAGE_LIMIT}`, { signal })
export const getJob = (id: string, signal?: AbortSignal) => ask<{ job: Job }>(`/api/jobs/${id}`, { signal })
export const cancelJob = (id: string) => ask<{ job: Job }>(`/api/jobs/${id}/cancel`, { method: 'POST' })

/** `key` makes repeating safe: the same key and request is the same job, charged once. */
export function createJob(request: JobRequest, key: string): Promise<{ job: Job; balance: number }> {
  return ask('/api/jobs', { method: 'POST', json: request, headers: { 'idempotency-key': key } })
}

export function uploadImage(file: File, signal?: AbortSignal): Promise<{ media: Media }> {
  const form = new FormData()
  form.set('file', file)
  return ask('/api/uploads', { method: 'POST', form, signal, timeoutSeconds: UPLOAD_TIMEOUT_SECONDS })
}

export interface MediaFilter {
  kind?: Kind
  saved?: boolean
}

export function listMedia(filter: MediaFilter, cursor: string | null, signal?: AbortSignal): Promise<Page<Media>> {
  const query = new URLSearchParams({ limit: String(PAGE_LIMIT) })
  if (filter.kind) query.set('kind', filter.kind)
  if (filter.saved) query.set('saved', 'true')
  if (cursor !== null) query.set('cursor', cursor)
  return ask(`/api/media?${query}`, { signal })
}

export const getMedia = (id: string, signal?: AbortSignal) => ask<{ media: Media }>(`/api/media/${id}`, { signal })
export const saveMedia = (id: string) => ask<{ media: Media }>(`/api/media/${id}/save`, { method: 'POST' })
export const restoreMedia = (id: string) => ask<{ media: Media }>(`/api/media/${id}/restore`, { method: 'POST' })
export const deleteMedia = (id: string) => ask<undefined>(`/api/media/${id}`, { method: 'DELETE' })

export function listLedger(cursor: string | null, signal?: AbortSignal): Promise<Page<LedgerEntry>> {
  const query = new URLSearchParams({ limit: String(PAGE_LIMIT) })
  if (cursor !== null) query.set('cursor', cursor)
  return ask(`/api/account/ledger?${query}`, { signal })
}

/** The address that saves the file instead of showing it. */
export function downloadUrl(media: Media): string {
  return `${media.url}${media.url.includes('?') ? '&' : '?'}download=1`
}
