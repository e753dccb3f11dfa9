/** What a request says, after validation. */
export type Kind = 'image' | 'edit' | 'video'
/** Limits at providers are kept per (provider account, lane); edits share the lane of images. */
export type Lane = 'image' | 'video'
export type SizeId = 'portrait' | 'square' | 'landscape'
export interface Size {
  width: number
  height: number
}

/** A request after validation: defaults filled in, unknown fields refused. This is what is stored, hashed and mapped. */
export interface ModelInput {
  prompt: string
  size: SizeId
  count: number
  /** Decimal digits; a string because seeds pass 2^53. */
  seed: string
  duration?: number
  style?: string
  negativePrompt?: string
  /** Media ids of the owner. */
  images?: string[]
}
