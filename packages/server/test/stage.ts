/** A provider whose jobs do what the test says, when it says so. */
import { defineModel, type Model, type Progress, type Provider } from '@safelight/core'

/** One black pixel. */
export const png: Uint8Array<ArrayBuffer> = Uint8Array.from(
  atob('iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=='),
  character => character.charCodeAt(0),
)

const routeTo = (endpoint: string): Model['routes'] => [
  { provider: 'stage', endpoint, body: ({ prompt }) => ({ prompt }) },
]
const sizes = { portrait: { width: 768, height: 1024 }, square: { width: 1024, height: 1024 } } as const
const common = { description: 'For tests.', sizes, timeoutSeconds: 60 }

export const models = [
  defineModel({ ...common, id: 'picture', name: 'Picture', kind: 'image', maxCount: 4, routes: routeTo('picture') }),
  defineModel({
    ...common,
    id: 'retouch',
    name: 'Retouch',
    kind: 'edit',
    images: { required: true, maxCount: 2 },
    routes: routeTo('retouch'),
  }),
  defineModel({
    ...common,
    id: 'film',
    name: 'Film',
    kind: 'video',
    durations: [3, 5],
    styles: [
      { id: 'calm', name: 'Calm' },
      { id: 'wild', name: 'Wild' },
    ],
    routes: routeTo('film'),
  }),
] as const

const DONE: Progress = { status: 'done', outputs: [{ url: 'stage:output' }] }

export interface Stage {
  provider: Provider & { models: typeof models }
  /** What a look at jobs with this prompt says from now on. Without it they are done at once. */
  play(prompt: string, progress: Progress): void
  /** Lets jobs with this prompt end well. */
  finish(prompt: string): void
}

export function createStage(): Stage {
  const plays = new Map<string, Progress>()
  const provider: Stage['provider'] = {
    id: 'stage',
    recovery: 'idempotent',
    requestTimeoutSeconds: 5,
    keyless: true,
    models,
    async submit({ body }) {
      const { prompt } = body as { prompt: string }
      if (plays.has(prompt)) return { status: 'running', operation: prompt }
      return { status: 'done', outputs: [{ bytes: png }] }
    },
    async look({ operation }) {
      const progress = plays.get(operation as string) ?? DONE
      return progress.status === 'running' ? { lookAgainInSeconds: 0.02, ...progress } : progress
    },
    async download() {
      return new Blob([png]).stream()
    },
  }
  return {
    provider,
    play: (prompt, progress) => void plays.set(prompt, progress),
    finish: prompt => void plays.set(prompt, DONE),
  }
}
