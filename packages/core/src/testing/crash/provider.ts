/** A provider that keeps books: what it accepted, what it would bill, and who asked it to stop. */
import type {
  FailureKind,
  FreshOutput,
  Instant,
  Json,
  Output,
  Paid,
  Progress,
  Provider,
  Scope,
  Submitted,
} from '../../contracts.ts'

export interface Script {
  recovery: Provider['recovery']
  /** `sync`: the bytes are in the answer. `syncUrl`: their addresses are. */
  mode?: 'queue' | 'sync' | 'syncUrl'
  /** From acceptance to the end. */
  seconds?: number
  /** The first so many submits are turned away. */
  refuse?: { times: number; kind: FailureKind; scope: Scope }
  /** The first so many submits are accepted, and their answers lost. */
  losesAnswers?: number
  /** The first so many submits never arrive, and nobody can tell. */
  losesRequests?: number
  fails?: { kind: FailureKind; paid: Paid }
  outputs?: readonly ('good' | 'flagged' | 'broken')[]
  /** It says how long it keeps its outputs. */
  keepsSeconds?: number
}

export interface Accepted {
  attemptId: string
  acceptedAt: Instant
  canceled: boolean
  /** Would be billed: everything but a failure that the provider calls unpaid. */
  billed: boolean
}

/** The smallest PNG. */
export const PNG = Uint8Array.from(
  atob('iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=='),
  character => character.charCodeAt(0),
)
const NO_PICTURE = new TextEncoder().encode('<html>not here</html>')

/** What a provider remembers: it does not die with us. */
export interface Books {
  accepted: Accepted[]
  submits: number
  /** Called after every entry, for books that are kept in a file. */
  written?: () => void
}

export interface BookedProvider extends Provider {
  readonly accepted: Accepted[]
  /** Until then every call fails, as when the line is down. */
  downUntil: Instant
  /** The operation of an attempt, as a webhook would bring it; null where it was never accepted. */
  operationOf(attemptId: string): Json | null
}

export function bookedProvider(
  id: string,
  script: Script,
  now: () => Instant,
  books: Books = { accepted: [], submits: 0 },
): BookedProvider {
  const { recovery, mode = 'queue', seconds = 5, outputs = ['good'] } = script
  const { accepted } = books
  const answerUp = () => {
    if (now() < provider.downUntil) throw new Error('The line is down')
  }
  const accept = (attemptId: string): number => {
    const known = recovery === 'idempotent' ? accepted.findIndex(job => job.attemptId === attemptId) : -1
    if (known >= 0) return known
    const index =
      accepted.push({ attemptId, acceptedAt: now(), canceled: false, billed: script.fails?.paid !== 'no' }) - 1
    books.written?.()
    return index
  }
  const answerFor = (index: number): Submitted =>
    mode === 'queue'
      ? { status: 'running', operation: { index } }
      : { status: 'done', outputs: outputs.map((kind, position) => madeOf(kind, mode, index, position)) }
  const provider: BookedProvider = {
    id,
    recovery,
    keyless: true,
    requestTimeoutSeconds: 10,
    accepted,
    downUntil: 0,
    operationOf(attemptId) {
      const index = accepted.findIndex(job => job.attemptId === attemptId)
      return index < 0 || mode !== 'queue' ? null : { index }
    },
    async submit({ attemptId }) {
      answerUp()
      const turn = ++books.submits
      books.written?.()
      if (turn <= (script.losesRequests ?? 0)) throw new Error('The request was lost')
      if (script.refuse && turn <= script.refuse.times) {
        return { status: 'refused', paid: 'no', message: 'No', kind: script.refuse.kind, scope: script.refuse.scope }
      }
      const index = accept(attemptId)
      if (turn <= (script.losesAnswers ?? 0)) throw new Error('The answer was lost')
      return answerFor(index)
    },
    async look({ operation }): Promise<Progress> {
      answerUp()
      const { index } = operation as { index: number }
      const job = accepted[index]!
      const age = (now() - job.acceptedAt) / 1000
      if (job.canceled) return { status: 'failed', kind: 'canceled', paid: 'unknown', message: 'Canceled' }
      if (age < seconds) return { status: 'running', fraction: age / seconds }
      if (script.fails) return { status: 'failed', message: 'It broke', ...script.fails }
      const expiry = script.keepsSeconds ? { expiresAt: job.acceptedAt + (seconds + script.keepsSeconds) * 1000 } : {}
      const done = outputs.map((kind, position) => ({
        ...(madeOf(kind, 'syncUrl', index, position) as Output),
        ...expiry,
      }))
      return { status: 'done', outputs: done }
    },
    async cancel({ operation }) {
      answerUp()
      accepted[(operation as { index: number }).index]!.canceled = true
      books.written?.()
    },
    async download({ output }) {
      answerUp()
      return new Blob([output.url?.endsWith('broken') ? NO_PICTURE : PNG]).stream()
    },
  }
  if (recovery === 'lookup') {
    provider.lookup = async ({ attemptId }) => {
      answerUp()
      const index = accepted.findIndex(job => job.attemptId === attemptId)
      return index < 0 ? { status: 'absent' } : answerFor(index)
    }
  }
  return provider
}

function madeOf(
  kind: 'good' | 'flagged' | 'broken',
  mode: 'queue' | 'sync' | 'syncUrl',
  index: number,
  position: number,
): FreshOutput {
  if (kind === 'flagged') return { url: 'books:flagged', flagged: true }
  if (mode === 'sync') return { bytes: kind === 'good' ? PNG : NO_PICTURE }
  return { url: `books:${index}/${position}/${kind}` }
}
