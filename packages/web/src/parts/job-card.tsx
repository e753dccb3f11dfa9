import { memo, useId, useState, type ReactNode } from 'react'
import { isOpen } from '../api/jobs.ts'
import { useModels } from '../api/queries.ts'
import { hrefOf } from '../browser/place.ts'
import { longTime, span } from '../format.ts'
import { text } from '../messages.ts'
import type { Job, Model } from '../api/types.ts'
import { DevelopingSheet, Frame, Sheet, SQUARE, shapeOfMedia, type Shape } from './frame.tsx'
import { CanceledNote, FailedNote } from './job-ends.tsx'
import { JobActions } from './job-actions.tsx'
import { JobProgress } from './job-progress.tsx'
import { isVideo, MediaView } from './media-view.tsx'

export function shapeOf(job: Pick<Job, 'input'>, model: Model | undefined): Shape {
  return model?.sizes.find(size => size.id === job.input.size) ?? model?.sizes[0] ?? SQUARE
}

/** One job, from the press to the picture. */
export const JobCard = memo(function JobCard({ job }: { job: Job }) {
  const model = useModels().data?.find(candidate => candidate.id === job.model)
  // Only what ends before one's eyes comes up slowly; what was there on arrival is simply there.
  const [wasOpen] = useState(() => isOpen(job))
  return (
    <CardShell
      prompt={job.input.prompt}
      isLow={job.state === 'failed' || job.state === 'canceled'}
      frame={<Sheets job={job} model={model} isFresh={wasOpen} />}
    >
      {isOpen(job) && <JobProgress job={job} />}
      <p className="text-fine text-muted tabular-nums" title={longTime(job.createdAt)}>
        {factsOf(job, model).join(' · ')}
      </p>
      {job.state === 'succeeded' && job.refundedCredits > 0 && (
        <p className="mt-1 text-fine text-amber">{text.jobs.partly(job.refundedCredits)}</p>
      )}
      <JobActions job={job} model={model} />
    </CardShell>
  )
})

interface CardShellProps {
  prompt: string
  frame: ReactNode
  /** Without a picture, and without the room for one. */
  isLow?: boolean
  children: ReactNode
}

export function CardShell({ prompt, frame, isLow = false, children }: CardShellProps) {
  const id = useId()
  return (
    <article
      aria-labelledby={id}
      className="group/card flex min-w-0 scroll-mt-28 scroll-mb-4 animate-rise flex-col overflow-hidden rounded-card border border-line bg-surface shadow-card"
    >
      <div
        className={`w-full shrink-0 ${isLow ? 'min-h-44 flex-1 group-first/card:flex-none' : 'aspect-4/3 group-first/card:xl:aspect-16/10'} flex`}
      >
        {frame}
      </div>
      <div className={`flex flex-col p-4 sm:p-5 ${isLow ? '' : 'flex-1'}`}>
        <h3
          id={id}
          dir="auto"
          className="mb-1 line-clamp-2 text-body font-medium break-words text-pretty"
          title={prompt}
        >
          {prompt}
        </h3>
        {children}
      </div>
    </article>
  )
}

function Sheets({ job, model, isFresh }: { job: Job; model: Model | undefined; isFresh: boolean }) {
  const { prompt } = job.input
  if (job.state === 'failed') return <FailedNote job={job} />
  if (job.state === 'canceled') return <CanceledNote job={job} />
  if (job.state !== 'succeeded') return <OpenSheets job={job} model={model} />
  if (job.media.length === 0)
    return (
      <p className="flex size-full items-center justify-center bg-mat text-fine text-muted">{text.jobs.archived}</p>
    )
  const shape = shapeOf(job, model)
  return (
    <Frame count={job.media.length}>
      {job.media.map((media, index) => {
        const view = (
          <MediaView
            media={media}
            shape={shapeOfMedia(media, shape)}
            name={text.jobs.output(prompt, index, job.media.length)}
            isFresh={isFresh}
          />
        )
        return (
          <Sheet key={media.id} {...shapeOfMedia(media, shape)} className="bg-surface shadow-print">
            {isVideo(media) ? view : <a href={hrefOf('create', media.id)}>{view}</a>}
          </Sheet>
        )
      })}
    </Frame>
  )
}

function OpenSheets({ job, model }: { job: Job; model: Model | undefined }) {
  const count = job.input.count ?? 1
  return (
    <Frame count={count}>
      {Array.from({ length: count }, (_, index) => (
        <DevelopingSheet
          key={index}
          size={shapeOf(job, model)}
          preview={job.progress.preview}
          label={text.jobs.preview}
        />
      ))}
    </Frame>
  )
}

function factsOf(job: Job, model: Model | undefined): string[] {
  const { width, height } = shapeOfMedia(job.media[0], shapeOf(job, model))
  const facts = [model?.name ?? job.model]
  if (width > 1) facts.push(text.create.pixels(width, height))
  if (job.finishedAt && job.state === 'succeeded') {
    facts.push(span((Date.parse(job.finishedAt) - Date.parse(job.createdAt)) / 1000))
  }
  facts.push(text.credits(job.price))
  return facts
}
