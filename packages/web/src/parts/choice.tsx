import { useId, type ReactNode } from 'react'

export interface Option<Value extends string> {
  value: Value
  name: string
  /** What assistive technology says beside the name. */
  note?: string | undefined
  isDisabled?: boolean
}

interface ChoiceProps<Value extends string> {
  label: string
  /** Where the options speak for themselves, the label is only said, not shown. */
  isLabelHidden?: boolean
  options: readonly Option<Value>[]
  value: Value | undefined
  onChange(value: Value): void
  /** Arranges the options. */
  className?: string
  /** Draws one option around its name and note, which carry the given ids. */
  children(option: Option<Value>, ids: { name: string; note: string }): ReactNode
  optionClassName: string
}

/** A radio group drawn as cards. The radios are the browser's own, invisible and as large as their cards. */
export function Choice<Value extends string>({
  label,
  isLabelHidden = false,
  options,
  value,
  onChange,
  ...look
}: ChoiceProps<Value>) {
  const group = useId()
  return (
    <div role="radiogroup" aria-labelledby={`${group}-label`}>
      <div id={`${group}-label`} className={isLabelHidden ? 'sr-only' : 'mb-2 caption'}>
        {label}
      </div>
      <div className={look.className}>
        {options.map(option => {
          const ids = { name: `${group}-${option.value}`, note: `${group}-${option.value}-note` }
          return (
            <div
              key={option.value}
              className={`relative transition-colors duration-150 has-focus-visible:outline-2 has-focus-visible:outline-offset-2 has-focus-visible:outline-accent ${look.optionClassName}`}
            >
              <input
                type="radio"
                name={group}
                className="cover"
                aria-labelledby={ids.name}
                aria-describedby={option.note ? ids.note : undefined}
                checked={option.value === value}
                disabled={option.isDisabled}
                onChange={() => onChange(option.value)}
              />
              {look.children(option, ids)}
            </div>
          )
        })}
      </div>
    </div>
  )
}

/** A short row of words, one of them picked. */
export function Segments<Value extends string>(
  props: Omit<ChoiceProps<Value>, 'children' | 'optionClassName' | 'className'>,
) {
  return (
    <Choice
      {...props}
      className="flex flex-wrap gap-1.5"
      optionClassName="rounded-control border border-line bg-raised px-3.5 py-1.5 text-muted hover:border-edge has-checked:border-accent has-checked:bg-accent-soft has-checked:text-ink"
    >
      {(option, ids) => <span id={ids.name}>{option.name}</span>}
    </Choice>
  )
}
