/** Short notes that go away by themselves; said politely to assistive technology. */
import { X } from 'lucide-react'
import { useEffect } from 'react'
import { usePlace } from '../browser/place.ts'
import { createStore, useStore } from '../browser/store.ts'
import { text } from '../messages.ts'

const SHOWN_SECONDS = 6
/** Something can still be done. */
const SHOWN_WITH_ACTION_SECONDS = 12
const MAX_SHOWN = 3

interface Toast {
  id: number
  sentence: string
  action?: Action | undefined
}

interface Action {
  name: string
  run(): void
}

let lastId = 0
const toasts = createStore<Toast[]>([])
const drop = (id: number) => toasts.set(now => now.filter(toast => toast.id !== id))

export function notify(sentence: string, action?: Action): void {
  lastId += 1
  const toast = { id: lastId, sentence, action }
  toasts.set(now => [...now.filter(other => other.sentence !== sentence), toast].slice(-MAX_SHOWN))
}

/** Those of the page; while the viewer is open it shows them itself, since a modal dialog silences what is outside. */
export function PageToasts() {
  return usePlace().mediaId === null && <Toasts />
}

export function Toasts() {
  const shown = useStore(toasts)
  return (
    <div
      role="log"
      aria-label={text.notes}
      className="pointer-events-none fixed right-4 bottom-4 left-4 z-50 flex flex-col items-end gap-2 sm:left-auto"
    >
      {shown.map(toast => (
        <Note key={toast.id} toast={toast} />
      ))}
    </div>
  )
}

function Note({ toast: { id, sentence, action } }: { toast: Toast }) {
  const seconds = action ? SHOWN_WITH_ACTION_SECONDS : SHOWN_SECONDS
  useEffect(() => {
    const timer = setTimeout(() => drop(id), seconds * 1000)
    return () => clearTimeout(timer)
  }, [id, seconds])
  return (
    <div className="pointer-events-auto flex w-full animate-rise items-center gap-3 rounded-control border border-line bg-raised py-2 pr-2 pl-4 shadow-print sm:w-sm">
      <p className="flex-1">{sentence}</p>
      {action && (
        <button
          type="button"
          onClick={() => {
            drop(id)
            action.run()
          }}
          className="h-9 rounded-control px-2 font-semibold text-accent hover:underline"
        >
          {action.name}
        </button>
      )}
      <button
        type="button"
        aria-label={text.jobs.dismiss}
        onClick={() => drop(id)}
        className="flex size-9 items-center justify-center rounded-control text-muted hover:text-ink"
      >
        <X className="size-4" aria-hidden="true" />
      </button>
    </div>
  )
}
