/** The input images of a job: the caller's own, checked at admission, opened at the hand-over. */
import type { InputFile, Job } from './contracts.ts'
import { SafelightError } from './errors.ts'
import type { Parts } from './parts.ts'

/** Throws `invalid_input` for an id that is not this user's, or is not an image. Existence is not revealed. */
export async function checkInputImages(
  parts: Pick<Parts, 'library'>,
  userId: string,
  ids: readonly string[],
): Promise<void> {
  const records = await Promise.all(ids.map(id => parts.library.find(id)))
  const fields = records.flatMap((record, index) => {
    const path = `input.images.${index}`
    if (!record || record.userId !== userId || record.deletedAt !== null || record.archivedAt !== null) {
      return [{ path, message: 'is not one of your files' }]
    }
    return record.contentType.startsWith('image/') ? [] : [{ path, message: 'is not an image' }]
  })
  if (fields.length === 0) return
  const detail = fields.map(({ path, message }) => `${path} ${message}`).join('; ')
  throw new SafelightError('invalid_input', `${detail}.`, { fields })
}

/** `gone` when one was deleted since the job was admitted. */
export async function inputFiles(parts: Pick<Parts, 'library' | 'media'>, job: Job): Promise<InputFile[] | 'gone'> {
  const records = await Promise.all((job.input.images ?? []).map(id => parts.library.find(id)))
  const files: InputFile[] = []
  for (const record of records) {
    if (!record || record.deletedAt !== null || record.archivedAt !== null) return 'gone'
    const { id, contentType, bytes, key } = record
    files.push({ id, contentType, bytes, open: () => parts.media.open(key) })
  }
  return files
}
