import { priceOf, type Model, type SizeId } from '@safelight/core'
import type { ModelShape } from './schemas.ts'

const SIZES: readonly SizeId[] = ['portrait', 'square', 'landscape']

export function modelShape(
  model: Model,
  isDisabled: boolean,
  estimatedSeconds: ModelShape['estimatedSeconds'],
): ModelShape {
  const { id, name, kind, description, durations, styles, images, maxCount, lifecycle } = model
  return {
    id,
    name,
    kind,
    description,
    prices: pricesOf(model),
    sizes: SIZES.flatMap(size => (model.sizes[size] ? [{ id: size, ...model.sizes[size] }] : [])),
    ...(durations ? { durations: [...durations] } : {}),
    ...(styles ? { styles: [...styles] } : {}),
    ...(images ? { images } : {}),
    count: { max: maxCount ?? 1 },
    estimatedSeconds,
    lifecycle: { status: 'live', ...lifecycle, ...(isDisabled ? { status: 'disabled' } : {}) },
  }
}

/** A price may depend on the duration; where it also depends on the size, this is that of the size taken by default. */
function pricesOf(model: Model): ModelShape['prices'] {
  const size: SizeId = model.sizes.square ? 'square' : (SIZES.find(id => model.sizes[id]) ?? 'square')
  if (!model.durations) return [{ when: {}, credits: priceOf(model, { size }) }]
  return model.durations.map(duration => ({ when: { duration }, credits: priceOf(model, { size, duration }) }))
}
