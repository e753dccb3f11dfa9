import { CloudOff, WifiOff } from 'lucide-react'
import { useSyncExternalStore } from 'react'
import { connection } from '../api/queries.ts'
import { useStore } from '../browser/store.ts'
import { text } from '../messages.ts'

/** Says that nobody answers, and only then: a page that asks instead of listening works all the same. */
export function ConnectionBanner() {
  const state = useStore(connection)
  const isOnline = useSyncExternalStore(subscribe, () => navigator.onLine)
  const isLost = state === 'lost'
  const Icon = isOnline ? CloudOff : WifiOff
  return (
    <div role="status" aria-live="polite" aria-label={text.connection.label}>
      {isLost && (
        <p className="border-b border-line bg-accent-soft">
          <span className="mx-auto flex max-w-[100rem] items-start gap-3 px-4 py-3 sm:px-8">
            <Icon className="mt-0.5 size-5 shrink-0 text-accent" aria-hidden="true" />
            {isOnline ? text.connection.lost : text.connection.offline}
          </span>
        </p>
      )}
    </div>
  )
}

function subscribe(listener: () => void): () => void {
  window.addEventListener('online', listener)
  window.addEventListener('offline', listener)
  return () => {
    window.removeEventListener('online', listener)
    window.removeEventListener('offline', listener)
  }
}
