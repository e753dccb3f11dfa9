import { priceOf, type Model, type SizeId } from '@safelight/core'
import { offeredOf } from './offered.ts'
import type { ModelShape } from './schemas.ts'

const SIZES: readonly SizeId[] = ['portrait', 'square', 'landscape']

export function modelShape(
  model: Model,
  isDisabled: boolean,
  estimatedSeconds: ModelShape['estimatedSeconds'],
): ModelShape {
  const { id, name, kind, description, lifecycle } = model
  const { sizes, durations, styles, images, maxCount } = offeredOf(model)
  return {
    id,
    name,
    kind,
    description,
    prices: pricesOf(model, sizes, durations),
    sizes: SIZES.flatMap(size => (sizes[size] ? [{ id: size, ...sizes[size] }] : [])),
    ...(durations ? { durations: [...durations] } : {}),
    ...(styles ? { styles: [...styles] } : {}),
    ...(images ? { images } : {}),
    count: { max: maxCount ?? 1 },
    estimatedSeconds,
    lifecycle: { status: 'live', ...lifecycle, ...(isDisabled ? { status: 'disabled' } : {}) },
  }
}

/** A price may depend on the duration; where it also depends on the size, this is that of the size taken by default. */
function pricesOf(model: Model, sizes: Model['sizes'], durations: Model['durations']): ModelShape['prices'] {
  const size: SizeId = sizes.square ? 'square' : (SIZES.find(id => sizes[id]) ?? 'square')
  if (!durations) return [{ when: {}, credits: priceOf(model, { size }) }]
  return durations.map(duration => ({ when: { duration }, credits: priceOf(model, { size, duration }) }))
}
