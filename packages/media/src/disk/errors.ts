/** Whether a file system error says that there is no such file (or that a part of its path is no folder). */
export function isMissing(error: unknown): boolean {
  const code = codeOf(error)
  return code === 'ENOENT' || code === 'ENOTDIR'
}

/** `ENOSPC`, `EACCES`, …, or undefined for what is no file system error. */
export function codeOf(error: unknown): string | undefined {
  return error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined
}

const REASONS: Record<string, string> = {
  EACCES: 'permission is denied',
  EPERM: 'permission is denied',
  EROFS: 'the file system is read-only',
  ENOSPC: 'the disk is full',
  EDQUOT: 'the quota is used up',
  ENOTDIR: 'a part of its path is a file',
  EEXIST: 'there is a file of that name',
  ENOENT: 'it cannot be made there',
}

/** One sentence for the person who chose the directory. */
export function unusable(directory: string, error: unknown): Error {
  const code = codeOf(error)
  const reason = (code && REASONS[code]) ?? (error instanceof Error ? error.message : String(error))
  return new Error(`The media directory ${directory} cannot be used: ${reason}${code ? ` (${code})` : ''}.`, {
    cause: error,
  })
}
