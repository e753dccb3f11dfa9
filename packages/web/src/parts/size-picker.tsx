import { text } from '../messages.ts'
import type { Size, SizeId } from '../api/types.ts'
import { Choice } from './choice.tsx'

/** The longest side of the largest size, as drawn. */
const LONGEST_PIXELS = 52

interface SizePickerProps {
  sizes: readonly Size[]
  value: SizeId
  onChange(size: SizeId): void
}

export function SizePicker({ sizes, value, onChange }: SizePickerProps) {
  const scale = LONGEST_PIXELS / Math.max(...sizes.flatMap(size => [size.width, size.height]))
  const options = sizes.map(size => ({
    value: size.id,
    name: text.create.sizes[size.id],
    note: text.create.pixels(size.width, size.height),
  }))
  const byId = new Map(sizes.map(size => [size.id, size]))
  return (
    <Choice
      label={text.create.size}
      options={options}
      value={value}
      onChange={onChange}
      className="grid grid-cols-3 gap-2"
      optionClassName="group flex flex-col items-center rounded-control border border-line bg-raised px-1 pt-3 pb-2.5 text-center hover:border-edge has-checked:border-accent has-checked:bg-accent-soft"
    >
      {(option, ids) => (
        <>
          <span className="mb-2 flex h-14 items-center" aria-hidden="true">
            <Sheet size={byId.get(option.value)} scale={scale} />
          </span>
          <span id={ids.name} className="text-fine font-medium">
            {option.name}
          </span>
          <span id={ids.note} className="figures text-fine text-muted">
            {option.note}
          </span>
        </>
      )}
    </Choice>
  )
}

function Sheet({ size, scale }: { size: Size | undefined; scale: number }) {
  if (!size) return null
  return (
    <span
      className="block rounded-print border-[1.5px] border-edge transition-colors group-has-checked:border-accent group-has-checked:bg-accent/15"
      style={{ width: size.width * scale, height: size.height * scale }}
    />
  )
}
