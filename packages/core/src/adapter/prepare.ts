/** What a hand-over needs before it: pictures read, uploaded, inlined. */
import { SafelightError } from '../errors.ts'
import { refused, type Refused } from './refusals.ts'

/**
 * Makes the request for a hand-over. Nothing has been handed over yet, so whatever goes wrong is a refusal that cost
 * nothing, where a throw would mean that nobody knows. `make` may refuse in its own words, as an upload does.
 */
export async function prepare<Made extends object>(
  make: () => Promise<Made | Refused>,
): Promise<{ made: Made } | Refused> {
  try {
    const made = await make()
    return isRefused(made) ? made : { made }
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error)
    if (SafelightError.is(error, 'too_large')) return refused('invalid_input', message)
    return refused('unreachable', `The request could not be made ready: ${message}`)
  }
}

function isRefused(made: object): made is Refused {
  return 'status' in made && made.status === 'refused' && 'kind' in made && 'paid' in made
}
