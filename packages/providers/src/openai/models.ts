/** OpenAI's image models (developers.openai.com/api/docs/models, and …/deprecations for their ends; read on 2026-11-23). */
import { defineModel, offer } from '@safelight/core'
import type { Json, Lifecycle, ModelInput, Route, Size } from '@safelight/core'
import { gptImage2, gptImage2Edit } from '../catalogue/index.ts'
import { OPENAI } from '../catalogue/sizes.ts'

/** The endpoint is OpenAI's id of the model; the same body generates, or edits where pictures go along. */
function route(endpoint: string): Route {
  return { provider: 'openai', endpoint, body }
}

/** There is no seed. Always PNG: newer models would also answer with SVG or GIF where they are asked to. */
function body({ prompt, count }: ModelInput, { width, height }: Size): Json {
  return { prompt, n: count, size: `${width}x${height}`, output_format: 'png' }
}

interface Own<Id extends string> {
  id: Id
  name: string
  description: string
  lifecycle?: Lifecycle
}

function image<const Id extends string>({ id, name, description, lifecycle = { status: 'live' } }: Own<Id>) {
  return defineModel({
    id,
    name,
    kind: 'image',
    description,
    sizes: OPENAI,
    maxCount: 4,
    timeoutSeconds: 300,
    lifecycle,
    routes: [route(id)],
  })
}

/** The day on which both models of the first generation end (developers.openai.com/api/docs/deprecations). */
const LAST_DAY = '2026-12-01'

export const gptImage26Sunburst = image({
  id: 'gpt-image-2.6-sunburst',
  name: 'GPT Image 2.6 sunburst',
  description: 'The finest of OpenAI: plans the picture before it draws.',
})

export const gptImage26Flare = image({
  id: 'gpt-image-2.6-flare',
  name: 'GPT Image 2.6 flare',
  description: 'OpenAI’s current image model, the quick one.',
})

export const gptImage25Flare = image({
  id: 'gpt-image-2.5-flare',
  name: 'GPT Image 2.5 flare',
  description: 'The quick one of September 2026.',
})

export const gptImage15 = image({
  id: 'gpt-image-1.5',
  name: 'GPT Image 1.5',
  description: 'Ends on 1 December 2026; use GPT Image 2.6 sunburst.',
  lifecycle: { status: 'deprecated', shutdownAt: LAST_DAY, replacement: 'gpt-image-2.6-sunburst' },
})

export const gptImage1Mini = image({
  id: 'gpt-image-1-mini',
  name: 'GPT Image 1 mini',
  description: 'Ends on 1 December 2026; use GPT Image 2.6 flare.',
  lifecycle: { status: 'deprecated', shutdownAt: LAST_DAY, replacement: 'gpt-image-2.6-flare' },
})

/** Instructions about up to four pictures. */
export const gptImage26FlareEdit = defineModel({
  id: 'gpt-image-2.6-flare-edit',
  name: 'GPT Image 2.6 flare edit',
  kind: 'edit',
  description: 'Changes your pictures as you tell it, quickly.',
  sizes: OPENAI,
  images: { required: true, maxCount: 4 },
  maxCount: 4,
  timeoutSeconds: 300,
  lifecycle: { status: 'live' },
  routes: [route('gpt-image-2.6-flare')],
})

/** Everything this provider makes. */
export const openaiModels = [
  offer(gptImage2, route('gpt-image-2')),
  gptImage26Sunburst,
  gptImage26Flare,
  gptImage25Flare,
  gptImage15,
  gptImage1Mini,
  offer(gptImage2Edit, route('gpt-image-2')),
  gptImage26FlareEdit,
] as const
