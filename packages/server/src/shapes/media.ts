import type { MediaRecord } from '@safelight/core'
import { isoTime } from './times.ts'
import type { MediaShape } from './schemas.ts'

export function mediaShape(record: MediaRecord): MediaShape {
  const { id, kind, index, contentType, width, height, bytes, durationSeconds, placeholder, saved, starred, jobId } =
    record
  return {
    id,
    kind,
    index,
    url: `/api/media/${id}/content`,
    contentType,
    width,
    height,
    bytes,
    durationSeconds,
    ...(placeholder === null ? {} : { placeholder }),
    saved,
    starred,
    expiresAt: record.expiresAt === null ? null : isoTime(record.expiresAt),
    createdAt: isoTime(record.createdAt),
    jobId,
  }
}
