import { Progress } from '@base-ui/react/progress'
import { useNow } from '../browser/clock.ts'
import { span } from '../format.ts'
import { text } from '../messages.ts'
import type { Job } from '../api/types.ts'

/** The stage in words: the server's own where it is not one of ours. */
function stageOf(job: Job): string {
  const { stage } = job.progress
  return stage ? (text.jobs.stages[stage] ?? stage) : text.jobs.state[job.state]
}

/** How far a job is: never a guess. A bar without a fraction only says that something happens. */
export function JobProgress({ job }: { job: Job }) {
  const { fraction, queuePosition, etaSeconds } = job.progress
  const stage = stageOf(job)
  const details = [
    queuePosition === null ? null : text.jobs.position(queuePosition),
    fraction === null ? null : text.jobs.percent(fraction),
  ].filter(detail => detail !== null)
  return (
    <div className="mt-2 mb-2">
      <ProgressBar fraction={fraction} saying={[stage, ...details].join(', ')} />
      <p className="mt-2 flex flex-wrap justify-between gap-x-4 text-fine">
        <span className="text-amber">{[stage, ...details].join(' · ')}</span>
        <span className="figures text-muted">
          <Elapsed since={Date.parse(job.createdAt)} />
          {etaSeconds && ` · ${text.jobs.left(etaSeconds)}`}
        </span>
      </p>
    </div>
  )
}

function Elapsed({ since }: { since: number }) {
  const now = useNow()
  return span((now - since) / 1000)
}

export function ProgressBar({ fraction, saying }: { fraction: number | null; saying: string }) {
  return (
    <Progress.Root
      value={fraction === null ? null : Math.round(fraction * 100)}
      aria-label={text.jobs.progress}
      aria-valuetext={saying}
    >
      <Progress.Track className="h-1 overflow-hidden rounded-full bg-line">
        <Progress.Indicator className="h-full rounded-full bg-accent transition-[width] duration-700 ease-out data-indeterminate:w-1/3 data-indeterminate:animate-drift" />
      </Progress.Track>
    </Progress.Root>
  )
}
