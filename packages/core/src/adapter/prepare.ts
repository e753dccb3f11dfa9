/** What a hand-over needs before it: pictures read, uploaded, inlined. */
import { SafelightError } from '../errors.ts'
import { refused, type Refused } from './refusals.ts'

/**
 * Makes the request for a hand-over. Nothing has been handed over yet, so whatever goes wrong is a refusal that cost
 * nothing, where a throw would mean that nobody knows.
 */
export async function prepare<Made>(make: () => Promise<Made>): Promise<{ made: Made } | Refused> {
  try {
    return { made: await make() }
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error)
    if (SafelightError.is(error, 'too_large')) return refused('invalid_input', message)
    return refused('unreachable', `The request could not be made ready: ${message}`)
  }
}
