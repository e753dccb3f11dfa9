import { useMutation, useQueryClient } from '@tanstack/react-query'
import { Download, RotateCcw } from 'lucide-react'
import { cancelJob, downloadUrl } from '../api/endpoints.ts'
import { isOpen } from '../api/jobs.ts'
import { receiveJob, refreshAccount } from '../api/queries.ts'
import { sentenceFor } from '../api/trouble.ts'
import { text } from '../messages.ts'
import type { Job, Model } from '../api/types.ts'
import { Button, ButtonLink } from './button.tsx'
import { notify } from './toasts.tsx'
import { usePresser } from './use-presser.ts'

/** What can be done with a job in its state. */
export function JobActions({ job, model }: { job: Job; model: Model | undefined }) {
  const first = job.media[0]
  return (
    <div className="mt-auto flex flex-wrap gap-2 pt-4 empty:hidden">
      {isOpen(job) && job.state !== 'storing' && <CancelButton job={job} />}
      {job.state === 'failed' && model && <RepeatButton job={job} model={model} />}
      {job.state === 'succeeded' && first && (
        <ButtonLink href={downloadUrl(first)} download>
          <Download className="size-4" aria-hidden="true" />
          {text.jobs.download}
        </ButtonLink>
      )}
    </div>
  )
}

function CancelButton({ job }: { job: Job }) {
  const client = useQueryClient()
  const cancel = useMutation({
    mutationFn: () => cancelJob(job.id),
    onSuccess: answer => receiveJob(client, answer.job),
    onError: error => notify(sentenceFor(error)),
    onSettled: () => refreshAccount(client),
  })
  const isUnderWay = cancel.isPending || cancel.isSuccess
  if (job.progress.stage === 'refunding' && !isUnderWay) return null
  return (
    <Button disabled={isUnderWay} onClick={() => cancel.mutate()}>
      {isUnderWay ? text.jobs.canceling : text.jobs.cancel}
    </Button>
  )
}

/** The same order once more: a new press with a key of its own. */
function RepeatButton({ job, model }: { job: Job; model: Model }) {
  const press = usePresser()
  return (
    <Button onClick={() => press({ request: { model: job.model, input: job.input }, model, price: job.price })}>
      <RotateCcw className="size-4" aria-hidden="true" />
      {text.tryAgain}
    </Button>
  )
}
