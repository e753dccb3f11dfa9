/** Files of ours: the bytes, and whose they are. */
import type { Page } from './jobs.ts'
import type { Kind } from './models.ts'
import type { Instant } from './values.ts'

/** A file in our store, as found by looking at its bytes. */
export interface StoredFile {
  key: string
  contentType: string
  bytes: number
  width: number | null
  height: number | null
  durationSeconds: number | null
  /** SHA-256 of the bytes, in hex. */
  hash: string
}

export interface MediaStore {
  /**
   * Writes all or nothing: what is not complete is never seen. The same key again replaces it. Throws
   * `unsupported_media` for bytes that are none of our types, `too_large` beyond `maxBytes`, `no` bytes included.
   */
  save(
    key: string,
    source: ReadableStream<Uint8Array>,
    options: { maxBytes: number; signal?: AbortSignal },
  ): Promise<StoredFile>
  /** Complete files whose key begins with `prefix`, sorted by key. */
  find(prefix: string): Promise<StoredFile[]>
  /** `range` is inclusive on both ends. Throws `not_found`. */
  open(key: string, range?: { start: number; end: number }): Promise<ReadableStream<Uint8Array>>
  /** Deleting what is not there is fine. */
  delete(key: string): Promise<void>
}

/** A row of the gallery: a stored file and whose it is. */
export interface MediaRecord extends StoredFile {
  id: string
  userId: string
  kind: Kind | 'upload'
  jobId: string | null
  index: number
  placeholder: string | null
  saved: boolean
  starred: boolean
  expiresAt: Instant | null
  archivedAt: Instant | null
  deletedAt: Instant | null
  createdAt: Instant
}

export interface MediaLibrary {
  /** Keyed by id, and by (jobId, index) where there is a job: adding again answers the first row. */
  add(record: {
    id: string
    userId: string
    kind: Kind | 'upload'
    jobId: string | null
    index: number
    file: StoredFile
    expiresAt: Instant | null
  }): Promise<MediaRecord>
  find(id: string): Promise<MediaRecord | null>
  /** Of these jobs, by index; deleted ones left out. */
  ofJobs(jobIds: readonly string[]): Promise<MediaRecord[]>
  list(query: {
    userId: string
    kind?: Kind | 'upload'
    saved?: boolean
    starred?: boolean
    search?: string
    limit: number
    cursor?: string
  }): Promise<Page<MediaRecord>>
  /** Null when it is not this user's. Saving takes the expiry away. */
  change(
    id: string,
    userId: string,
    change: { saved?: boolean; starred?: boolean; deleted?: boolean },
  ): Promise<MediaRecord | null>
}
