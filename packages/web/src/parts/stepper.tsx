import { Minus, Plus } from 'lucide-react'
import { useId } from 'react'
import { text } from '../messages.ts'

interface StepperProps {
  label: string
  value: number
  max: number
  onChange(value: number): void
}

/** A small whole number from one up. */
export function Stepper({ label, value, max, onChange }: StepperProps) {
  const id = useId()
  const set = (next: number) => onChange(Math.min(max, Math.max(1, Math.round(next) || 1)))
  return (
    <div>
      <label htmlFor={id} className="mb-2 block caption">
        {label}
      </label>
      <div className="flex h-11 items-center rounded-control border border-line bg-raised focus-within:border-accent hover:border-edge">
        <Step label={text.create.fewer} isDisabled={value <= 1} onPress={() => set(value - 1)} icon={Minus} />
        <input
          id={id}
          type="number"
          inputMode="numeric"
          min={1}
          max={max}
          value={value}
          onChange={event => set(event.target.valueAsNumber)}
          className="figures w-8 [appearance:textfield] bg-transparent text-center outline-none [&::-webkit-inner-spin-button]:appearance-none"
        />
        <Step label={text.create.more} isDisabled={value >= max} onPress={() => set(value + 1)} icon={Plus} />
      </div>
    </div>
  )
}

interface StepProps {
  label: string
  isDisabled: boolean
  onPress(): void
  icon: typeof Plus
}

function Step({ label, isDisabled, onPress, icon: Icon }: StepProps) {
  return (
    <button
      type="button"
      aria-label={label}
      disabled={isDisabled}
      onClick={onPress}
      className="flex size-10 items-center justify-center rounded-control text-muted hover:text-ink disabled:opacity-40 disabled:hover:text-muted"
    >
      <Icon className="size-4" aria-hidden="true" />
    </button>
  )
}
