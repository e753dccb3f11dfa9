/** Adapters are strangers' code: an answer that is none of the shapes of `contracts.ts` has said nothing about the job. */
import type { Progress, Submitted } from './contracts.ts'

const SUBMITTED = ['running', 'done', 'refused']
const PROGRESS = ['running', 'done', 'failed']

/** Throws where the answer is not one of a submit. */
export function asSubmitted(answer: Submitted): Submitted {
  return checked(answer, SUBMITTED)
}

/** Throws where the answer is not one of a look. */
export function asProgress(answer: Progress): Progress {
  return checked(answer, PROGRESS)
}

function checked<Answer extends Submitted | Progress>(answer: Answer | undefined, words: readonly string[]): Answer {
  if (!answer || !words.includes(answer.status))
    throw new Error('The adapter gave an answer that is not in its contract')
  if (answer.status === 'done' && !Array.isArray(answer.outputs)) throw new Error('The adapter is done without outputs')
  return answer
}
