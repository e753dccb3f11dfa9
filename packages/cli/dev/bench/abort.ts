/**
 * How soon an abort is heard, in every phase of a job: by whoever called, and by the vendor where it can still be stopped.
 * Afterwards both sides' books must agree. Over the loopback simulators and the real transport, in one process.
 */
import { setImmediate } from 'node:timers/promises'
import type { Job, Model, ProviderOption, SubmittedJob } from '@safelight/core'
import { audit, demand, type Books, type Left } from './abort-audit.ts'
import { gate, stageOf, type Action, type Gate, type Stage } from './abort-stage.ts'
import { median } from './numbers.ts'

const REPEATS = 20
const GOALS = { rejected: 20, canceled: 100 }
/** Beyond this an event that must come has not come. */
const PATIENCE_SECONDS = 60
const LONG_SECONDS = 600
/** There is no event for a request that never comes. */
const STRAY_MS = 20

interface Vendor {
  id: string
  make(baseUrl: string): ProviderOption
  canCancel: boolean
  hasStream: boolean
}

interface Phase {
  name: string
  left: Left
  /** Only one job at once has a token. */
  isCrowded?: boolean
  /** Seconds of the vendor's work. */
  seconds?: number
  needs?: (vendor: Vendor) => boolean
  /** Sets the stop where the job is to be aborted; resolves there. */
  stop(stage: Stage, held: Gate): Promise<void>
}

const answerTo = (action: Action) => (stage: Stage, held: Gate) => {
  stage.stops.answer = { action, gate: held }
  return held.reached
}

const PHASES: readonly Phase[] = [
  {
    name: 'waiting for admission',
    left: 'nothing',
    stop({ stops }, held) {
      stops.admission = held
      return held.reached
    },
  },
  {
    name: 'waiting for a token',
    left: 'nothing',
    isCrowded: true,
    stop({ stops }, held) {
      stops.token = held
      return held.reached
    },
  },
  { name: 'submit on the wire', left: 'stoppable', stop: answerTo('submit') },
  {
    name: 'submit, its answer lost',
    left: 'unused',
    stop({ stops }, held) {
      stops.answer = { action: 'submit', gate: held, isLost: true }
      return held.reached
    },
  },
  { name: 'accepted, before the first look', left: 'stoppable', stop: stage => changed(stage, isRunning) },
  { name: 'status stream open', left: 'stoppable', needs: ({ hasStream }) => hasStream, stop: answerTo('stream') },
  {
    name: 'look on the wire',
    left: 'stoppable',
    stop(stage, held) {
      stage.stops.hasNoStream = true
      return answerTo('look')(stage, held)
    },
  },
  {
    name: 'waiting between looks',
    left: 'stoppable',
    async stop(stage) {
      stage.stops.hasNoStream = true
      await changed(stage, job => isRunning(job) && job.progress !== null)
      // Now the look is written down; a turn later everybody waits for the next one.
      await setImmediate()
    },
  },
  {
    name: 'result on the wire',
    left: 'unused',
    seconds: 0,
    needs: ({ id }) => id === 'fal',
    stop: answerTo('result'),
  },
  {
    name: 'downloading the output',
    left: 'kept',
    seconds: 0,
    stop({ stops }, held) {
      stops.download = held
      return held.reached
    },
  },
  {
    name: 'storing in a slow store',
    left: 'kept',
    seconds: 0,
    stop({ stops }, held) {
      stops.storing = held
      return held.reached
    },
  },
]

const isRunning = ({ state }: Job): boolean => state === 'running'
const isEnded = ({ finishedAt }: Job): boolean => finishedAt !== null

/** Resolves at the first change of any job that fits. */
function changed({ studio }: Stage, fits: (job: Job) => boolean): Promise<void> {
  return new Promise(resolve => {
    const stop = studio.watch(job => {
      if (!fits(job)) return
      stop()
      resolve()
    })
  })
}

interface Taken {
  rejected: number
  /** Null where the vendor was not asked to stop. */
  canceled: number | null
  /** Jobs that the vendor got, although nobody wanted them any more when they were sent. */
  handedOver: number
}

export async function run(): Promise<void> {
  const books: Books = { paid: 0, charged: 0, unused: 0 }
  console.log(`milliseconds from abort(), median and longest of ${REPEATS}`)
  for (const vendor of await vendors()) {
    for (const phase of PHASES.filter(({ needs }) => needs?.(vendor) ?? true)) {
      const taken = await measure(vendor, phase, books)
      tell(
        `${vendor.id}: ${phase.name}`,
        'rejected',
        taken.map(({ rejected }) => rejected),
        GOALS.rejected,
      )
      const canceled = taken.flatMap(each => each.canceled ?? [])
      if (canceled.length > 0) tell('', 'cancel at the vendor', canceled, GOALS.canceled)
      const strays = taken.reduce((sum, { handedOver }) => sum + handedOver, 0)
      if (strays > 0) console.log(`${' '.repeat(44)} handed over all the same: ${strays}   goal 0: MISSED`)
    }
  }
  const { paid, charged, unused } = books
  console.log(`jobs that the vendors bill: ${paid}; charged: ${charged}; known as made for nobody: ${unused}`)
  demand(paid === charged + unused, 'the books do not agree')
}

async function vendors(): Promise<Vendor[]> {
  const { fal } = await import('@safelight/providers/fal')
  const { wavespeed } = await import('@safelight/providers/wavespeed')
  const { replicate } = await import('@safelight/providers/replicate')
  return [
    { id: 'fal', make: queueUrl => fal({ queueUrl }), canCancel: true, hasStream: true },
    { id: 'wavespeed', make: baseUrl => wavespeed({ baseUrl }), canCancel: false, hasStream: false },
    { id: 'replicate', make: baseUrl => replicate({ baseUrl }), canCancel: true, hasStream: false },
  ]
}

async function measure(vendor: Vendor, phase: Phase, books: Books): Promise<Taken[]> {
  const stage = await stageOf(vendor.id, vendor.make, phase.isCrowded ? { maxOpen: 1 } : {})
  const model = stage.studio.models.find(({ kind, routes }) => kind === 'image' && routes.length > 0)!
  const first = phase.isCrowded ? await occupy(stage, model) : null
  const taken: Taken[] = []
  // Whatever is wrong ends the process: nothing is tidied up that may hang.
  for (let repeat = 0; repeat < REPEATS; repeat++) taken.push(await abortOne(stage, vendor, phase, model, books))
  await first?.cancel()
  await stage.close()
  return taken
}

/** Takes the only place that there is. */
async function occupy(stage: Stage, model: Model): Promise<SubmittedJob> {
  const running = changed(stage, isRunning)
  const job = await stage.studio.submit({ model: model.id, input: { prompt: 'first' }, userId: 'somebody' })
  await running
  return job
}

async function abortOne(stage: Stage, vendor: Vendor, phase: Phase, model: Model, books: Books): Promise<Taken> {
  const { studio, world, stops } = stage
  for (const name of Object.keys(stops)) delete stops[name as keyof typeof stops]
  world.always(vendor.id, { seconds: phase.seconds ?? LONG_SECONDS })
  const jobsBefore = world.books(vendor.id).jobs.length
  const userId = crypto.randomUUID()
  const held = gate()
  const reached = phase.stop(stage, held)
  const canceled = stage.cancelSeen()
  const ended = changed(stage, job => job.userId === userId && isEnded(job))
  const controller = new AbortController()

  const request = { model: model.id, input: { prompt: 'a fox' }, userId }
  const rejected = studio.generate(request, { signal: controller.signal }).then(
    () => Number.NaN,
    () => performance.now(),
  )
  await soon(reached, `${phase.name} was not reached`)
  const abortedAt = performance.now()
  controller.abort()
  const rejectedAt = await rejected
  demand(!Number.isNaN(rejectedAt), 'the call was answered although it was aborted')

  // Before this the vendor's id of the job is not known to anybody here.
  const isNameless = stops.answer?.action === 'submit'
  const mayStopAt = isNameless ? performance.now() : abortedAt
  const isStopped = phase.left === 'stoppable' && vendor.canCancel
  if (isStopped && !isNameless) await soon(canceled, 'no cancel came')
  held.open()
  const canceledAt = isStopped ? await soon(canceled, 'no cancel came') : null
  await soon(ended, 'the job did not end')
  const handedOver = phase.left === 'nothing' ? await takenAllTheSame(stage, vendor, jobsBefore, canceled) : 0
  await audit(
    stage,
    { about: `${vendor.id}, ${phase.name}`, left: phase.left, isStopped, model, userId, jobsBefore },
    books,
  )
  const isTimed = canceledAt !== null
  return { rejected: rejectedAt - abortedAt, canceled: isTimed ? canceledAt - mayStopAt : null, handedOver }
}

/** A job that was handed over although its caller had gone already; it is stopped, where it can be. */
async function takenAllTheSame(stage: Stage, vendor: Vendor, jobsBefore: number, canceled: Promise<number>) {
  // A submit that was on its way when the job ended has come by then.
  await new Promise(resolve => setTimeout(resolve, STRAY_MS))
  const { length } = stage.world.books(vendor.id).jobs.slice(jobsBefore)
  if (length > 0 && vendor.canCancel) await soon(canceled, 'no cancel came')
  return length
}

async function soon<Value>(event: Promise<Value>, otherwise: string): Promise<Value> {
  const late = Promise.withResolvers<never>()
  const timer = setTimeout(() => late.reject(new Error(otherwise)), PATIENCE_SECONDS * 1000)
  try {
    return await Promise.race([event, late.promise])
  } finally {
    clearTimeout(timer)
  }
}

function tell(who: string, what: string, values: readonly number[], goal: number): void {
  const longest = Math.max(...values)
  const figures = `${median(values).toFixed(2).padStart(7)} ${longest.toFixed(2).padStart(7)}`
  console.log(
    `${who.padEnd(44)} ${what.padEnd(21)} ${figures} ms   goal ${goal} ms: ${longest <= goal ? 'met' : 'MISSED'}`,
  )
}
