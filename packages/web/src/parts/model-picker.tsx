import { text } from '../messages.ts'
import type { Model } from '../api/types.ts'
import { Choice } from './choice.tsx'

interface ModelPickerProps {
  models: readonly Model[]
  value: Model
  onChange(id: string): void
}

export function ModelPicker({ models, value, onChange }: ModelPickerProps) {
  const options = models.map(model => ({
    value: model.id,
    name: model.name,
    note: noteOf(model),
    isDisabled: model.lifecycle.status === 'disabled',
  }))
  const described = new Map(models.map(model => [model.id, model.description]))
  return (
    <Choice
      label={text.create.model}
      options={options}
      value={value.id}
      onChange={onChange}
      // A long list scrolls in itself; the prompt below stays in reach.
      className="-m-1 grid max-h-[19rem] gap-2 overflow-y-auto overscroll-contain p-1"
      optionClassName="rounded-control border border-line bg-raised px-4 py-3 hover:border-edge has-checked:border-accent has-checked:bg-accent-soft has-disabled:opacity-60"
    >
      {(option, ids) => (
        <>
          <div className="flex flex-wrap items-baseline justify-between gap-x-4">
            <span id={ids.name} className="font-semibold">
              {option.name}
            </span>
            <span id={ids.note} className="figures text-fine text-amber">
              {option.note}
            </span>
          </div>
          <p className="mt-0.5 text-fine text-muted">{described.get(option.value)}</p>
        </>
      )}
    </Choice>
  )
}

function noteOf(model: Model): string {
  if (model.lifecycle.status === 'disabled') return text.create.modelDisabled
  const prices = model.prices.map(price => price.credits)
  return text.create.modelNote(Math.min(...prices), new Set(prices).size > 1, model.estimatedSeconds)
}
