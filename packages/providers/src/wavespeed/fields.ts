/** What the bodies of WaveSpeed's models share: they are flat, sizes are `W*H`, lengths are whole seconds. */
import type { Json, ModelInput, Size, SizeId } from '@safelight/core'

const SEED_LIMIT = 2n ** 31n

/** Our seeds reach 2^63, theirs are small whole numbers; -1 would mean any. */
export function seedOf({ seed }: ModelInput): number {
  return Number(BigInt(seed) % SEED_LIMIT)
}

/** With an asterisk, as in `1024*1024`. */
export function sizeText({ width, height }: Size): string {
  return `${width}*${height}`
}

const WIDE: Record<SizeId, string> = { portrait: '9:16', square: '1:1', landscape: '16:9' }

/** For models that are told a ratio and choose the pixels themselves. */
export function ratioOf({ size }: ModelInput): string {
  return WIDE[size]
}

/** Only where something is said: a field that a model does not know may be refused. */
export function unwanted({ negativePrompt }: ModelInput): Record<string, Json> {
  return negativePrompt ? { negative_prompt: negativePrompt } : {}
}

type Wanted = Omit<ModelInput, 'seed'>

export function hasImage({ images }: Wanted): boolean {
  return (images?.length ?? 0) > 0
}

export function hasNoImage(input: Wanted): boolean {
  return !hasImage(input)
}
