import { CircleAlert } from 'lucide-react'
import type { ReactNode } from 'react'
import { sentenceFor } from '../api/trouble.ts'
import { text } from '../messages.ts'
import { Button } from './button.tsx'

/** Something went wrong, in a sentence, with what can be done about it. */
export function Notice({ children, actions }: { children: ReactNode; actions?: ReactNode }) {
  return (
    <div className="rounded-card border border-line bg-surface p-5">
      <div role="alert" className="flex gap-3">
        <CircleAlert className="mt-0.5 size-5 shrink-0 text-accent" aria-hidden="true" />
        <p className="max-w-prose text-pretty">{children}</p>
      </div>
      {actions && <div className="mt-4 flex gap-2 pl-8">{actions}</div>}
    </div>
  )
}

/** A list or figure that could not be loaded. */
export function LoadFailure({ what, error, onRetry }: { what: string; error: unknown; onRetry(): void }) {
  return (
    <Notice actions={<Button onClick={onRetry}>{text.tryAgain}</Button>}>
      {what} {sentenceFor(error)}
    </Notice>
  )
}
