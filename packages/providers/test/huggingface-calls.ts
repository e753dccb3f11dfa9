/** Calls to Hugging Face as the engine makes them, against answers that a test writes. */
import type { Model, Submitted } from '@safelight/core'
import { huggingface, huggingfaceModels, type HuggingfaceOptions } from '../src/huggingface/index.ts'
import { callerOf } from './caller.ts'

export const HF = { secret: 'hf_secret0001' }

export function modelOf(id: string, party?: string): Model {
  const model: Model | undefined = huggingfaceModels.find(each => each.id === id)
  if (!model) throw new Error(`There is no model ${id}`)
  return party ? { ...model, routes: model.routes.filter(({ endpoint }) => endpoint.startsWith(`${party}:`)) } : model
}

export interface Asked {
  method: string
  url: string
  headers: Headers
  body: Record<string, unknown> | undefined
}

/** A `fetch` that answers from a script and writes down what was asked; the hub answers with the mapping. */
export function scripted(answers: readonly (() => Response | Promise<Response>)[], mapping: unknown = FLUX) {
  const asked: Asked[] = []
  const rest = [...answers]
  const fetch: typeof globalThis.fetch = async (input, init) => {
    const url = input as string
    const body = typeof init?.body === 'string' ? (JSON.parse(init.body) as Asked['body']) : undefined
    asked.push({ method: init?.method ?? 'GET', url, headers: new Headers(init?.headers), body })
    if (url.includes('/api/models/')) return Response.json({ inferenceProviderMapping: mapping })
    const next = rest.shift()
    if (!next) throw new Error(`Nobody expected ${url}`)
    return next()
  }
  return { fetch, asked, posts: () => asked.filter(({ method }) => method === 'POST') }
}

export const live = (providerId: string, task = 'text-to-image') => ({ status: 'live', providerId, task })
const FLUX = {
  'fal-ai': live('fal-ai/flux/dev'),
  wavespeed: live('wavespeed-ai/flux-dev'),
  replicate: live('black-forest-labs/flux-dev'),
}
export const json =
  (body: unknown, status = 200, headers: Record<string, string> = {}) =>
  () =>
    Response.json(body, { status, headers })

export function submitWith(
  line: ReturnType<typeof scripted>,
  {
    party = 'fal-ai',
    id = 'flux-dev',
    secret = HF.secret,
    options = {},
  }: Partial<Record<'party' | 'id' | 'secret', string>> & { options?: HuggingfaceOptions } = {},
): Promise<Submitted> {
  return callerOf(huggingface(options), line.fetch, { secret }).submit(modelOf(id, party))
}
