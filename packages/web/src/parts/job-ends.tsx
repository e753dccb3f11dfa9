/** How a job ends without a picture: said on the mat where the picture would have been. */
import { CircleAlert, CircleSlash } from 'lucide-react'
import { text } from '../messages.ts'
import type { Job } from '../api/types.ts'

export function FailedNote({ job }: { job: Job }) {
  return <AlertNote sentence={job.failure?.message ?? text.jobs.failedUnknown} refundedCredits={job.refundedCredits} />
}

export function AlertNote({ sentence, refundedCredits = 0 }: { sentence: string; refundedCredits?: number }) {
  return (
    <div
      role="alert"
      className="flex size-full flex-col items-center justify-center gap-2 overflow-auto bg-mat p-5 text-center"
    >
      <CircleAlert className="size-6 shrink-0 text-accent" aria-hidden="true" />
      <p className="max-w-sm text-pretty">{sentence}</p>
      {refundedCredits > 0 && <p className="font-medium text-amber">{text.jobs.areBack(refundedCredits)}</p>}
    </div>
  )
}

export function CanceledNote({ job }: { job: Job }) {
  return (
    <div className="flex size-full flex-col items-center justify-center gap-2 bg-mat p-5 text-center text-muted">
      <CircleSlash className="size-6" aria-hidden="true" />
      <p>{text.jobs.canceled}</p>
      {job.refundedCredits > 0 && <p className="font-medium text-amber">{text.jobs.areBack(job.refundedCredits)}</p>}
    </div>
  )
}
