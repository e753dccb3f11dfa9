/**
 * Presses of the button on their way to the server. Each has one idempotency key for its whole life, so that sending it
 * again after a broken connection never makes or charges a second job.
 */
import { createStore } from '../browser/store.ts'
import { createJob } from './endpoints.ts'
import { isPassing } from './trouble.ts'
import { Problem } from './http.ts'
import type { Job, JobRequest, Model } from './types.ts'

export interface Press {
  /** The idempotency key. */
  key: string
  request: JobRequest
  model: Model
  price: number
  pressedAt: number
  /** Jobs that were on the page before: an unknown one that looks the same is this press's own. */
  knownIds: ReadonlySet<string>
  state:
    | { name: 'sending'; tries: number }
    | { name: 'refused'; error: unknown; at: number }
    /** Shown from here until the list of jobs has it too. */
    | { name: 'accepted'; job: Job }
}

export const presses = createStore<Press[]>([])

const RETRY_SECONDS = [1, 2, 4]

export interface Landing {
  onJob(job: Job, balance: number): void
  onRefused(error: unknown): void
}

/** Takes a new press and sends it. */
export function startPress(what: Pick<Press, 'request' | 'model' | 'price' | 'knownIds'>, landing: Landing): void {
  const made: Press = { ...what, key: crypto.randomUUID(), pressedAt: Date.now(), state: { name: 'sending', tries: 0 } }
  presses.set(now => [made, ...now.filter(press => press.state.name !== 'accepted')])
  void send(made, landing)
}

/** Sends a refused press again, under the same key: a refusal stored nothing, and an unheard answer is repeated. */
export function pressAgain(refused: Press, landing: Landing): void {
  void send(refused, landing)
}

export function dismiss(key: string): void {
  presses.set(now => now.filter(press => press.key !== key))
}

async function send(press: Press, landing: Landing): Promise<void> {
  for (let tries = 1; ; tries += 1) {
    change(press.key, { name: 'sending', tries })
    try {
      const { job, balance } = await createJob(press.request, press.key)
      cardKeys.set(job.id, press.key)
      change(press.key, { name: 'accepted', job })
      landing.onJob(job, balance)
      return
    } catch (error) {
      const waitSeconds = RETRY_SECONDS[tries - 1]
      if (waitSeconds === undefined || !isPassing(error)) {
        change(press.key, { name: 'refused', error, at: Date.now() })
        landing.onRefused(error)
        return
      }
      await new Promise(resolve => setTimeout(resolve, waitSeconds * 1000))
    }
  }
}

function change(key: string, state: Press['state']): void {
  presses.set(now => now.map(press => (press.key === key ? { ...press, state } : press)))
}

export function pendingCredits(all: readonly Press[]): number {
  return all.reduce((sum, press) => sum + (press.state.name === 'sending' ? press.price : 0), 0)
}

/** When a refused press is worth sending again, in milliseconds since 1970; 0 for at once. */
export function worthAgainAt(press: Press): number {
  if (press.state.name !== 'refused' || !(press.state.error instanceof Problem)) return 0
  return press.state.at + (press.state.error.body.retryAfterSeconds ?? 0) * 1000
}

export type Card = { key: string } & ({ job: Job } | { press: Press })

/** Which press a job came from, so that its card stays the same one. Lives as long as the tab. */
const cardKeys = new Map<string, string>()

/**
 * What the page lists, newest first. The stream may tell of a job before its own POST has answered: until then it is
 * shown as the press, not twice.
 */
export function cardsOf(jobs: readonly Job[], all: readonly Press[]): Card[] {
  const echoes = new Set<string>()
  const pressed = all.flatMap<Card>(press => {
    if (press.state.name === 'accepted') {
      const { job } = press.state
      return jobs.some(({ id }) => id === job.id) ? [] : [{ key: press.key, job }]
    }
    const echo = press.state.name === 'sending' && jobs.find(job => !echoes.has(job.id) && isEcho(job, press))
    if (echo) echoes.add(echo.id)
    return [{ key: press.key, press }]
  })
  const listed = jobs.filter(job => !echoes.has(job.id))
  return [...pressed, ...listed.map(job => ({ key: cardKeys.get(job.id) ?? job.id, job }))]
}

function isEcho(job: Job, { knownIds, request }: Press): boolean {
  const isNew = !knownIds.has(job.id) && !cardKeys.has(job.id)
  return isNew && job.model === request.model && job.input.prompt === request.input.prompt
}
