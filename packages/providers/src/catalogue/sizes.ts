/** Pixels that several vendors make alike. A route that would make others is not a route of the model. */

/** About one megapixel in steps of 16, as the FLUX family and its relatives make them. */
export const MEGAPIXEL = {
  portrait: { width: 768, height: 1344 },
  square: { width: 1024, height: 1024 },
  landscape: { width: 1344, height: 768 },
} as const

/** `1K` of Google's image models. */
export const GEMINI_1K = {
  portrait: { width: 768, height: 1376 },
  square: { width: 1024, height: 1024 },
  landscape: { width: 1376, height: 768 },
} as const

/** What OpenAI's image models have always made. */
export const OPENAI = {
  portrait: { width: 1024, height: 1536 },
  square: { width: 1024, height: 1024 },
  landscape: { width: 1536, height: 1024 },
} as const

export const VIDEO_720P = {
  portrait: { width: 720, height: 1280 },
  landscape: { width: 1280, height: 720 },
} as const

/** With the square that most vendors make in this class. */
export const VIDEO_720P_SQUARE = { ...VIDEO_720P, square: { width: 960, height: 960 } } as const
