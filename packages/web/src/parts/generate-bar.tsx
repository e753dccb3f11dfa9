import { useId } from 'react'
import { text } from '../messages.ts'
import { Button } from './button.tsx'

const isMac = /mac|iphone|ipad/i.test(navigator.userAgent)

interface GenerateBarProps {
  price: number
  /** Credits that nothing under way has claimed; null while unknown. */
  available: number | null
  reason: string | null
}

/** The price on the button, and under it what remains, or why it cannot be pressed. Stays in sight however long the form is. */
export function GenerateBar({ price, available, reason }: GenerateBarProps) {
  const id = useId()
  return (
    <div className="sticky bottom-0 z-10 -mx-4 border-t border-line bg-ground/90 px-4 py-3 backdrop-blur-md sm:-mx-6 sm:px-6 lg:-mx-4 lg:border-0 lg:bg-transparent lg:bg-linear-to-t lg:from-ground lg:from-75% lg:to-transparent lg:px-4 lg:pt-6 lg:pb-5 lg:backdrop-blur-none">
      <Button
        type="submit"
        look="primary"
        size="large"
        className="figures w-full shadow-print"
        disabled={reason !== null}
        aria-describedby={id}
        // The second half of a double click orders nothing.
        onClick={event => event.detail > 1 && event.preventDefault()}
      >
        {text.create.generate(price)}
      </Button>
      <div className="mt-2 flex min-h-6 items-baseline justify-between gap-4 text-fine text-muted">
        <p id={id}>
          {reason ?? (available === null ? '' : <span className="figures">{text.create.after(available, price)}</span>)}
        </p>
        {reason === null && (
          <kbd className="hidden shrink-0 font-sans lg:inline">
            {isMac ? text.create.keys.mac : text.create.keys.other}
          </kbd>
        )}
      </div>
    </div>
  )
}
