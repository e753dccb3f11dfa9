/** The state behind the fake server: one person, their jobs, credits and media, in memory. */
import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import type { Account, Job, JobRequest, LedgerEntry, Media, Model, Progress } from '../src/api/types.ts'
import { paint } from './fake-picture.ts'

const sizes = [
  { id: 'portrait', width: 768, height: 1152 },
  { id: 'square', width: 1024, height: 1024 },
  { id: 'landscape', width: 1152, height: 768 },
] as const
const live = { lifecycle: { status: 'live' as const } }

export const models: Model[] = [
  {
    ...live,
    id: 'demo-image',
    name: 'Demo image',
    kind: 'image',
    description: 'Paints on this machine, in seconds.',
    prices: [{ when: {}, credits: 500 }],
    sizes: [...sizes],
    count: { max: 4 },
    estimatedSeconds: { low: 2, high: 5 },
  },
  {
    ...live,
    id: 'demo-edit',
    name: 'Demo edit',
    kind: 'edit',
    description: 'Keeps the composition and changes the rest.',
    prices: [{ when: {}, credits: 1000 }],
    sizes: [...sizes],
    images: { required: true, maxCount: 1 },
    count: { max: 1 },
    estimatedSeconds: { low: 3, high: 6 },
  },
  {
    ...live,
    id: 'demo-video',
    name: 'Demo video',
    kind: 'video',
    description: 'A short clip, from words or from a first frame.',
    prices: [
      { when: { duration: 3 }, credits: 2000 },
      { when: { duration: 5 }, credits: 3000 },
    ],
    sizes: [
      { id: 'portrait', width: 432, height: 768 },
      { id: 'square', width: 576, height: 576 },
      { id: 'landscape', width: 768, height: 432 },
    ],
    durations: [3, 5],
    styles: [
      { id: 'lovely', name: 'Lovely' },
      { id: 'express', name: 'Express' },
      { id: 'elite', name: 'Elite' },
    ],
    images: { required: false, maxCount: 1 },
    count: { max: 1 },
    estimatedSeconds: { low: 8, high: 20 },
  },
]

const clip = readFileSync(new URL('./clip.webm', import.meta.url))
const PER_MINUTE = 10

export type Listener = (job: Job, revision: number) => void

export class FakeStudio {
  balance = 3000
  jobs: Job[] = []
  ledger: LedgerEntry[] = []
  media: Media[] = []
  deleted = new Map<string, Media>()
  files = new Map<string, Buffer>()
  replays = new Map<string, { body: string; jobId: string }>()
  admittedAt: number[] = []
  listeners = new Set<Listener>()
  revisions = new Map<string, number>()
  readonly paceMilliseconds: number
  private timers = new Set<ReturnType<typeof setTimeout>>()

  constructor(paceMilliseconds: number) {
    this.paceMilliseconds = paceMilliseconds
    this.enter('grant', 3000, 'Sign-up bonus', null, 3000)
  }

  stop(): void {
    for (const timer of this.timers) clearTimeout(timer)
  }

  account(): Account {
    const recent = this.admittedAt.filter(at => at > Date.now() - 60_000)
    const oldest = recent[0]
    return {
      user: { id: 'user', email: null, name: 'Local', role: 'user' },
      balance: this.balance,
      limits: {
        perMinute: PER_MINUTE,
        remaining: Math.max(0, PER_MINUTE - recent.length),
        resetsInSeconds: oldest === undefined ? 0 : Math.ceil((oldest + 60_000 - Date.now()) / 1000),
      },
    }
  }

  private enter(
    kind: LedgerEntry['kind'],
    delta: number,
    description: string,
    jobId: string | null,
    balance = this.balance + delta,
  ): void {
    this.balance = balance
    this.ledger.unshift({
      id: randomUUID(),
      kind,
      delta,
      balanceAfter: balance,
      description,
      jobId,
      createdAt: new Date().toISOString(),
    })
  }

  priceOf({ model, input }: JobRequest): number {
    const prices = models.find(({ id }) => id === model)?.prices ?? []
    const price = prices.find(({ when }) => when.duration === undefined || when.duration === (input.duration ?? 3))
    return (price?.credits ?? 0) * (input.count ?? 1)
  }

  submit(request: JobRequest): Job {
    const model = models.find(({ id }) => id === request.model)
    if (!model) throw new Error('The server checks the model before.')
    this.admittedAt.push(Date.now())
    const job: Job = {
      id: randomUUID(),
      model: model.id,
      kind: model.kind,
      input: { count: 1, size: 'square', seed: '4207', ...request.input },
      price: this.priceOf(request),
      state: 'queued',
      progress: progress('queued', null, 2),
      media: [],
      failure: null,
      refundedCredits: 0,
      createdAt: new Date().toISOString(),
      finishedAt: null,
    }
    this.jobs.unshift(job)
    this.enter('charge', -job.price, model.id, job.id)
    this.live(job)
    return job
  }

  /** What a job does, step by step; directives in the prompt as in the demo provider. */
  private live(job: Job): void {
    const { prompt } = job.input
    const [, seconds] = /#seconds=(\d+)/.exec(prompt) ?? []
    const pace = seconds ? (Number(seconds) * 1000) / 6 : this.paceMilliseconds
    const steps: (() => void)[] = [() => this.change(job, { progress: progress('queued', null, 1) })]
    if (prompt.includes('#refuse')) steps.push(() => this.fail(job, 'refused', 'No provider accepted the job.'))
    steps.push(() => this.change(job, { state: 'running', progress: progress('running', null) }))
    for (const fraction of [0.25, 0.5, 0.75]) {
      steps.push(() => this.change(job, { progress: progress('running', fraction, null, { low: 2, high: 4 }) }))
    }
    if (prompt.includes('#hang')) steps.push(() => this.change(job, { progress: progress('running', null) }))
    else if (prompt.includes('#fail'))
      steps.push(() => this.fail(job, 'provider_failed', 'The provider could not finish the job.'))
    else
      steps.push(
        () => this.change(job, { state: 'storing', progress: progress('storing', null) }),
        () => this.finish(job),
      )
    const next = () => {
      const step = steps.shift()
      if (!step || job.finishedAt !== null || job.progress.stage === 'refunding') return
      step()
      this.later(pace, next)
    }
    this.later(pace, next)
  }

  private later(milliseconds: number, action: () => void): void {
    const timer = setTimeout(() => {
      this.timers.delete(timer)
      action()
    }, milliseconds)
    this.timers.add(timer)
  }

  private change(job: Job, change: Partial<Job>): void {
    Object.assign(job, change)
    const revision = (this.revisions.get(job.id) ?? 0) + 1
    this.revisions.set(job.id, revision)
    for (const listener of this.listeners) listener(job, revision)
  }

  private fail(job: Job, code: string, message: string): void {
    this.enter('refund', job.price, message, job.id)
    this.change(job, {
      state: 'failed',
      progress: progress('failed', null),
      failure: { code, message },
      refundedCredits: job.price,
      finishedAt: new Date().toISOString(),
    })
  }

  cancel(job: Job): void {
    this.change(job, { state: 'running', progress: progress('refunding', null) })
    this.later(this.paceMilliseconds, () => {
      this.enter('refund', job.price, 'Canceled', job.id)
      this.change(job, {
        state: 'canceled',
        progress: progress('canceled', null),
        refundedCredits: job.price,
        finishedAt: new Date().toISOString(),
      })
    })
  }

  private finish(job: Job): void {
    const size = models.find(({ id }) => id === job.model)?.sizes.find(({ id }) => id === job.input.size)
    const { width = 1024, height = 1024 } = size ?? {}
    const media = Array.from({ length: job.input.count ?? 1 }, (_, index) => {
      const bytes = job.kind === 'video' ? clip : paint(width, height, `${job.input.prompt} ${job.input.seed} ${index}`)
      return this.add(bytes, {
        kind: job.kind,
        index,
        width,
        height,
        jobId: job.id,
        contentType: job.kind === 'video' ? 'video/webm' : 'image/png',
        durationSeconds: job.input.duration ?? null,
      })
    })
    this.change(job, {
      state: 'succeeded',
      progress: progress('succeeded', 1),
      media,
      finishedAt: new Date().toISOString(),
    })
  }

  add(
    bytes: Buffer,
    about: Pick<Media, 'kind' | 'index' | 'width' | 'height' | 'jobId' | 'contentType' | 'durationSeconds'>,
  ): Media {
    const id = randomUUID()
    this.files.set(id, bytes)
    const media: Media = {
      ...about,
      id,
      url: `/api/media/${id}/content`,
      bytes: bytes.length,
      saved: false,
      starred: false,
      expiresAt: new Date(Date.now() + 30 * 86_400_000).toISOString(),
      createdAt: new Date().toISOString(),
    }
    this.media.unshift(media)
    return media
  }

  delete(media: Media): void {
    this.deleted.set(media.id, media)
    this.media = this.media.filter(other => other !== media)
    for (const job of this.jobs) job.media = job.media.filter(({ id }) => id !== media.id)
  }

  restore(id: string): Media | undefined {
    const media = this.deleted.get(id)
    if (!media) return undefined
    this.deleted.delete(id)
    this.media = [media, ...this.media].toSorted((a, b) => b.createdAt.localeCompare(a.createdAt))
    this.jobs.find(job => job.id === media.jobId)?.media.push(media)
    return media
  }
}

function progress(
  stage: string,
  fraction: number | null,
  queuePosition: number | null = null,
  etaSeconds: Progress['etaSeconds'] = null,
): Progress {
  return { stage, fraction, queuePosition, etaSeconds }
}
