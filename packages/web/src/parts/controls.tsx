import { useId } from 'react'
import { draftStore, PROMPT_MAX_CHARACTERS, type Choice, type Draft } from '../draft.ts'
import { text } from '../messages.ts'
import { Segments } from './choice.tsx'
import { ImageInput } from './image-input.tsx'
import { ModelPicker } from './model-picker.tsx'
import { SizePicker } from './size-picker.tsx'
import { Stepper } from './stepper.tsx'

interface ControlsProps {
  choice: Choice
  draft: Draft
  models: Choice['model'][]
  onBusy(isBusy: boolean): void
}

const change = (part: Partial<Draft>) => draftStore.set(now => ({ ...now, ...part }))

/** Everything that a model lets one choose. */
export function Controls({ choice, draft, models, onBusy }: ControlsProps) {
  const { model } = choice
  return (
    <>
      <ModelPicker
        models={models}
        value={model}
        onChange={id => change({ models: { ...draft.models, [model.kind]: id } })}
      />
      {model.images && <ImageInput value={draft.image} isRequired={model.images.required} onBusy={onBusy} />}
      <PromptBox value={draft.prompt} placeholder={text.create.placeholder[model.kind]} />
      <SizePicker sizes={model.sizes} value={choice.size.id} onChange={size => change({ size })} />
      <Moving choice={choice} />
      <Details choice={choice} draft={draft} />
    </>
  )
}

function Moving({ choice: { model, duration, style } }: { choice: Choice }) {
  if (!model.durations && !model.styles) return null
  return (
    <div className="flex flex-wrap gap-x-8 gap-y-6">
      {model.durations && (
        <Segments
          label={text.create.duration}
          options={model.durations.map(seconds => ({ value: String(seconds), name: text.create.seconds(seconds) }))}
          value={String(duration)}
          onChange={seconds => change({ duration: Number(seconds) })}
        />
      )}
      {model.styles && (
        <Segments
          label={text.create.style}
          options={model.styles.map(({ id, name }) => ({ value: id, name }))}
          value={style}
          onChange={id => change({ style: id })}
        />
      )}
    </div>
  )
}

function Details({ choice, draft }: { choice: Choice; draft: Draft }) {
  return (
    <div className="flex gap-4">
      {choice.model.count.max > 1 && (
        <Stepper
          label={text.create.count}
          value={choice.count}
          max={choice.model.count.max}
          onChange={count => change({ count })}
        />
      )}
      <SeedBox value={draft.seed} />
    </div>
  )
}

function SeedBox({ value }: { value: string }) {
  const id = useId()
  return (
    <div className="min-w-0 flex-1">
      <label htmlFor={id} className="mb-2 block caption">
        {text.create.seed}
      </label>
      <input
        id={id}
        inputMode="numeric"
        autoComplete="off"
        maxLength={19}
        value={value}
        placeholder={text.create.seedPlaceholder}
        onChange={event => change({ seed: event.target.value.trim() })}
        className="figures h-11 w-full rounded-control border border-line bg-raised px-3.5 placeholder:text-muted hover:border-edge focus:border-accent focus:outline-none"
      />
    </div>
  )
}

function PromptBox({ value, placeholder }: { value: string; placeholder: string }) {
  const id = useId()
  const characters = [...value.trim()].length
  return (
    <div>
      <div className="mb-2 flex justify-between caption">
        <label htmlFor={id}>{text.create.prompt}</label>
        {characters > PROMPT_MAX_CHARACTERS * 0.8 && (
          <span className="figures">{text.create.promptLength(characters, PROMPT_MAX_CHARACTERS)}</span>
        )}
      </div>
      <textarea
        id={id}
        dir="auto"
        rows={4}
        value={value}
        placeholder={placeholder}
        onChange={event => change({ prompt: event.target.value })}
        className="block field-sizing-content max-h-80 min-h-28 w-full resize-none rounded-control border border-line bg-raised px-4 py-3 text-lead placeholder:text-muted/80 hover:border-edge focus:border-accent focus:outline-none"
      />
    </div>
  )
}
