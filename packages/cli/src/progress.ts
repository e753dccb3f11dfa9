/** How far a job is: one line that redraws itself on a terminal, plain lines everywhere else. */
import type { Job } from '@safelight/core'

const BAR_CELLS = 24
/** Off a terminal a line is worth printing when the stage changed or this much was done. */
const PLAIN_STEP = 0.25

export interface Progress {
  show(job: Job): void
  note(text: string): void
  end(): void
}

interface Screen {
  isTTY?: boolean
  columns?: number
  write(text: string): unknown
}

export function createProgress(screen: Screen): Progress {
  return screen.isTTY ? drawn(screen) : plain(screen)
}

function drawn(screen: Screen): Progress {
  const erase = '\r\u001B[2K'
  let isDrawn = false
  return {
    show(job) {
      const { fraction, text } = describe(job)
      screen.write(`${erase}${bar(fraction)} ${text}`.slice(0, erase.length + (screen.columns || 80) - 1))
      isDrawn = true
    },
    note: text => screen.write(`${erase}${text}\n`),
    end() {
      if (isDrawn) screen.write(erase)
    },
  }
}

function plain(screen: Screen): Progress {
  let said = ''
  return {
    show(job) {
      const { fraction, stage, text } = describe(job)
      const step = `${stage} ${fraction === null ? '' : Math.floor(fraction / PLAIN_STEP)}`
      if (step !== said) screen.write(`${text}\n`)
      said = step
    },
    note: text => screen.write(`${text}\n`),
    end: () => undefined,
  }
}

function describe(job: Job): { fraction: number | null; stage: string; text: string } {
  const stage = stageOf(job)
  // What was said of a running job is old news afterwards.
  const { fraction = null, queuePosition = null } = (job.state === 'running' && job.progress) || {}
  const position = queuePosition ? `, ${queuePosition} ahead` : ''
  const share = fraction === null ? '' : ` ${Math.floor(fraction * 100)} %`
  const isDone = job.state === 'storing' || job.state === 'succeeded'
  return { fraction: isDone ? 1 : fraction, stage, text: `${stage}${position}${share}` }
}

function stageOf(job: Job): string {
  switch (job.state) {
    case 'created':
    case 'charged':
    case 'submitting':
      return 'queued'
    case 'running':
      return job.progress?.stage || 'running'
    case 'refunding':
      return 'giving the credits back'
    case 'storing':
    case 'succeeded':
    case 'failed':
    case 'canceled':
      return job.state
  }
}

function bar(fraction: number | null): string {
  const filled = Math.round(Math.min(1, Math.max(0, fraction ?? 0)) * BAR_CELLS)
  return '━'.repeat(filled) + '─'.repeat(BAR_CELLS - filled)
}
