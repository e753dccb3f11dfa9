/** Any error as one sentence for people. */
import { debuglog } from 'node:util'
import { JobFailed, SafelightError } from '@safelight/core'
import { EXIT, PlainError } from './command.ts'

/** What the operating system refuses, in words; `{}` stands for the path or address. */
const SYSTEM: Record<string, string> = {
  EACCES: 'There is no permission to use {}.',
  EPERM: 'There is no permission to use {}.',
  EROFS: '{} is on a disk that cannot be written.',
  ENOSPC: 'The disk of {} is full.',
  EDQUOT: 'The disk of {} is full.',
  EFBIG: '{} is larger than files may be there.',
  EIO: 'The disk of {} does not work.',
  ENOTDIR: '{} cannot be a directory: a part of that path is a file.',
  EEXIST: '{} exists already and is not a directory.',
  EISDIR: '{} is a directory, and a file is needed.',
  ENOENT: 'There is no {}.',
  'ENOENT mkdir': '{} cannot be made there.',
  ECONNREFUSED: 'Nothing answers at {}.',
  EADDRINUSE: '{} is in use by another program.',
  ENOTFOUND: 'There is no host {}.',
}

const debug = debuglog('safelight')

/** What to print and how to exit. An error that nobody foresaw keeps its message; `NODE_DEBUG=safelight` shows its stack. */
export function sentenceOf(error: unknown): { text: string; code: number } {
  if (error instanceof PlainError) return { text: error.message, code: error.exitCode }
  if (JobFailed.is(error)) return { text: error.message, code: EXIT.failed }
  if (SafelightError.is(error))
    return { text: withFields(error), code: error.code === 'invalid_input' ? EXIT.usage : EXIT.failed }
  const { code = '', path, address, port, hostname, syscall } = error as NodeJS.ErrnoException & SystemPlace
  const sentence = SYSTEM[`${code} ${syscall}`] ?? SYSTEM[code]
  const place = path ?? hostname ?? (address ? `${address}${port ? `:${port}` : ''}` : undefined)
  if (sentence && place && syscall !== undefined) return { text: sentence.replace('{}', place), code: EXIT.failed }
  debug('%O', error)
  return { text: error instanceof Error ? error.message : String(error), code: EXIT.failed }
}
interface SystemPlace {
  address?: string
  port?: number
  hostname?: string
}

function withFields(error: SafelightError): string {
  const { fields = [] } = error.details
  if (fields.length === 0) return error.message
  return fields.map(({ path, message }) => `${optionOf(path)} ${message}`).join('; ') + '.'
}

/** `input.size` is `--size` on the command line. */
function optionOf(path: string): string {
  const name = path.replace(/^input\./, '').replace(/\..*/, '')
  if (name === 'prompt') return 'The prompt'
  return `--${name === 'images' ? 'image' : name}`
}
