import { SafelightError } from '@safelight/core'

/** The one way in which a look at bytes fails: they are not what they claim to be. */
export function damaged(what: string): SafelightError<'unsupported_media'> {
  return new SafelightError('unsupported_media', `This file is damaged or not what it claims to be: ${what}.`)
}
