/** One request at one party, whichever way it came. */
import { at, numberAt, textAt } from '@safelight/core/adapter'
import type { Desk, Exchange, SimulatedFile, SimulatedJob } from '../../testing/kit/index.ts'
import { taskOf } from './mappings.ts'
import { badToken, endingOf, noCredits, refusal, tooMany, unsupported } from './scenarios.ts'

export interface Visit {
  exchange: Exchange
  desk: Desk
  party: string
  /** Behind the party's base. */
  path: string
  isRouted: boolean
  key: string
  account: string
}

/** Either the job that was taken, or the answer that says why not. */
export type Taken = { job: SimulatedJob } | { refusal: Response }

/** What every submit goes through, in this order. */
export function take(visit: Visit, providerId: string): Taken {
  const { desk, party, exchange, key, account } = visit
  const task = taskOf(party, providerId)
  if (task === undefined) return { refusal: visit.isRouted ? unsupported(party) : notFound() }
  if (desk.account(key).isExhausted) return { refusal: noCredits() }
  const plan = desk.plan(promptIn(exchange.json))
  const refused = refusal(desk.scenario({ plan }), party, providerId)
  if (refused) return { refusal: refused }
  const admitted = desk.admit(account, task.endsWith('video') ? 'video' : 'image')
  if (admitted.status !== 'ok') return { refusal: tooMany(admitted.retryAfterSeconds) }
  const endpoint = `${party}:${providerId}`
  return { job: desk.accept({ endpoint, key, account, plan, input: exchange.json, details: { party, task } }) }
}

/** The job, for who may see it. */
export function seen({ desk, party, account }: Visit, id: string): SimulatedJob | undefined {
  const job = desk.job(id)
  return job?.account === account && job.details['party'] === party ? job : undefined
}

/** How long a clock may stand still before it is taken for one that nobody moves. */
const STANDSTILL_MS = 250

/** Waits for the end of the work. In a world whose clock stands still while it waits, the work is done at once. */
export async function finished({ desk }: Visit, job: SimulatedJob, atMostSeconds: number): Promise<void> {
  const before = desk.now()
  const timer = setTimeout(() => {
    if (desk.now() === before) job.plan = { ...job.plan, seconds: 0, queueSeconds: 0 }
  }, STANDSTILL_MS)
  await desk.settled(job, atMostSeconds)
  clearTimeout(timer)
}

/** Only keys that are good look, too. */
export function isGood({ desk, key, isRouted }: Visit): boolean {
  return desk.account(key).status === 'ok' && key.startsWith('hf_') === isRouted
}

export function stranger(): Response {
  return badToken()
}

export function notFound(): Response {
  return Response.json({ detail: 'Not found' }, { status: 404 })
}

/** Every party has its own place for the prompt. */
export function promptIn(json: unknown): string {
  return (
    textAt(json, 'prompt') ??
    textAt(json, 'input', 'prompt') ??
    textAt(json, 'parameters', 'prompt') ??
    textAt(json, 'inputs') ??
    ''
  )
}

export function isClip(job: SimulatedJob): boolean {
  return String(job.details['task']).endsWith('video')
}

/** What the job made, as asked for. None where the scenario is an empty result. */
export function filesOf({ desk }: Pick<Visit, 'desk'>, job: SimulatedJob): readonly SimulatedFile[] {
  if (endingOf(desk.scenario(job)) === 'empty') return []
  const input = at(job.input, 'input') ?? job.input
  const count = numberAt(input, 'num_images') ?? numberAt(input, 'num_outputs') ?? numberAt(input, 'n') ?? 1
  return isClip(job) ? desk.outputs(job, 1, 'mp4') : desk.outputs(job, Math.min(count, 8), 'png', sizeIn(input))
}

export function addressOf({ desk }: Pick<Visit, 'desk'>, { name }: SimulatedFile): string {
  return desk.url('media', `/files/${name}`)
}

function sizeIn(input: unknown): { width: number; height: number } {
  for (const place of [at(input, 'image_size'), at(input, 'parameters'), input]) {
    const [width, height] = [numberAt(place, 'width'), numberAt(place, 'height')]
    if (width !== undefined && height !== undefined) return bounded(width, height)
  }
  const [, width, height] = /^(\d+)[x*](\d+)$/.exec(textAt(input, 'size') ?? '') ?? []
  if (width && height) return bounded(Number(width), Number(height))
  const ratios: Record<string, [number, number]> = { '16:9': [1344, 768], '9:16': [768, 1344] }
  return bounded(...(ratios[textAt(input, 'aspect_ratio') ?? ''] ?? [1024, 1024]))
}

function bounded(width: number, height: number) {
  const within = (pixels: number) => Math.max(16, Math.min(2048, Math.round(pixels)))
  return { width: within(width), height: within(height) }
}
