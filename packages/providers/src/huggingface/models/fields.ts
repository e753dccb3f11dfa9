/** What the routes of several models say alike, in the parties' own fields. */
import type { JsonObject, ModelInput, Size } from '@safelight/core'

/** The seeds of all parties fit into 31 bits. */
export function seedOf({ seed }: ModelInput): number {
  return Number(BigInt(seed) % 2_147_483_648n)
}

/** fal's pictures: `image_size` must be said, width and height are passed over. */
export function falPicture(input: ModelInput, { width, height }: Size): JsonObject {
  return { prompt: input.prompt, image_size: { width, height }, num_images: input.count, seed: seedOf(input) }
}

export function falPictureWithout(input: ModelInput, size: Size): JsonObject {
  return { ...falPicture(input, size), ...negative(input) }
}

/** WaveSpeed writes sizes with an asterisk. */
export function wavespeedPicture(input: ModelInput, { width, height }: Size): JsonObject {
  return { prompt: input.prompt, size: `${width}*${height}`, seed: seedOf(input) }
}

export function negative({ negativePrompt }: ModelInput): JsonObject {
  return negativePrompt === undefined ? {} : { negative_prompt: negativePrompt }
}

export function aspectOf({ width, height }: Size): string {
  return width === height ? '1:1' : width > height ? '16:9' : '9:16'
}
