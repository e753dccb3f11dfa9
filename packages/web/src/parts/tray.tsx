import { useEffect, useRef } from 'react'
import { news, useJobs } from '../api/queries.ts'
import { cardsOf, presses } from '../api/presses.ts'
import { useStore } from '../browser/store.ts'
import { draftStore } from '../draft.ts'
import { text } from '../messages.ts'
import type { Kind } from '../api/types.ts'
import { JobCard } from './job-card.tsx'
import { LoadFailure } from './notice.tsx'
import { PressCard } from './press-card.tsx'

/** What was ordered lately, newest first: open, finished, failed. */
export function Tray() {
  const jobs = useJobs()
  const pressed = useStore(presses)
  if (jobs.isPending) return <div className="aspect-4/3 animate-lamp rounded-card bg-surface" aria-busy="true" />
  if (jobs.isError && !jobs.data) {
    return <LoadFailure what={text.jobs.failedToLoad} error={jobs.error} onRetry={() => void jobs.refetch()} />
  }
  const cards = cardsOf(jobs.data.items, pressed)
  if (cards.length === 0) return <EmptyTray />
  return (
    <>
      <News />
      <ArrivalMark pressedKey={pressed[0]?.key} />
      <div className="grid gap-5 xl:grid-cols-2 xl:[&>:first-child]:col-span-2 2xl:grid-cols-3">
        {cards.map(card =>
          'job' in card ? <JobCard key={card.key} job={card.job} /> : <PressCard key={card.key} press={card.press} />,
        )}
      </div>
      {jobs.data.hasOlder && <p className="mt-6 text-center text-fine text-muted">{text.jobs.older}</p>}
    </>
  )
}

function News() {
  return (
    <p role="status" aria-label={text.jobs.newsLabel} className="sr-only">
      {useStore(news)}
    </p>
  )
}

/** Brings a new press into sight, wherever the page was scrolled to: on a phone the cards lie below the form. */
function ArrivalMark({ pressedKey }: { pressedKey: string | undefined }) {
  const mark = useRef<HTMLDivElement>(null)
  const last = useRef(pressedKey)
  useEffect(() => {
    if (last.current === pressedKey) return
    last.current = pressedKey
    mark.current?.nextElementSibling?.firstElementChild?.scrollIntoView({ block: 'nearest', behavior: 'smooth' })
  }, [pressedKey])
  return <div ref={mark} hidden />
}

function EmptyTray() {
  const { kind } = useStore(draftStore)
  return (
    <div className="flex min-h-[min(34rem,60vh)] flex-col items-center justify-center rounded-card border border-dashed border-line px-6 py-14 text-center">
      <EmptySheets />
      <p className="mt-8 text-title font-semibold">{text.jobs.empty}</p>
      <p className="mt-2 max-w-sm text-pretty text-muted">{text.jobs.emptyNote}</p>
      <Examples kind={kind} />
    </div>
  )
}

function Examples({ kind }: { kind: Kind }) {
  return (
    <ul className="mt-6 flex max-w-xl flex-wrap justify-center gap-2">
      {text.jobs.examples[kind].map(example => (
        <li key={example}>
          <button
            type="button"
            onClick={() => draftStore.set(now => ({ ...now, prompt: example }))}
            className="rounded-full border border-line bg-surface px-4 py-2 text-fine transition-colors hover:border-accent"
          >
            {example}
          </button>
        </li>
      ))}
    </ul>
  )
}

function EmptySheets() {
  return (
    <div className="flex items-end gap-3" aria-hidden="true">
      <span className="h-20 w-14 -rotate-6 rounded-print border border-edge/60 bg-surface" />
      <span className="z-10 size-18 rounded-print border border-accent/70 bg-accent-soft shadow-print" />
      <span className="h-14 w-20 rotate-6 rounded-print border border-edge/60 bg-surface" />
    </div>
  )
}
