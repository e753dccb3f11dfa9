/**
 * Replicate's predictions (replicate.com/docs). A picture is waited for on the line, as Hugging Face's own clients do; what
 * is not ready then is asked for by id, which those clients never do.
 */
import type { JsonObject, Output, Paid, Progress } from '@safelight/core'
import { at, numberAt, textAt } from '@safelight/core/adapter'
import { failed, idIn, isPolicy, isWebAddress, newsIn, type Failed } from '../refusals.ts'
import { bearer, type Operation, type Order, type Party } from './party.ts'

/** Files of predictions made over the API go after an hour (replicate.com/docs). */
const KEPT_SECONDS = 3600

export const replicate: Party = {
  id: 'replicate',
  direct: { base: 'https://api.replicate.com', authorize: bearer },

  request(order) {
    const [model = '', version] = order.providerId.split(':')
    const input = { ...order.input, ...loras(order) }
    // A clip takes longer than any answer should: its line is not held.
    const headers: Record<string, string> = isClip(order) ? {} : { prefer: 'wait' }
    return version === undefined
      ? { method: 'POST', path: `/v1/models/${model}/predictions`, headers, body: { input } }
      : { method: 'POST', path: '/v1/predictions', headers, body: { version, input } }
  },

  accepted({ json }, order) {
    const id = idIn(json, 'id')
    const operation: Operation = { party: 'replicate', id, path: `/v1/predictions/${id}` }
    const end = endOf(json)
    // It was taken, and it may have cost something: its end is told by the look, not as a refusal.
    if (end) return { status: 'running', operation: { ...operation, end: asJson(end) } }
    const outputs = outputsIn(json)
    // An answer that was waited for says `processing` although everything is there.
    const isWhole = textAt(json, 'status') === 'succeeded' || (!isClip(order) && outputs.length >= countIn(order))
    if (isWhole && outputs.length > 0) return { status: 'done', outputs, operation }
    return { status: 'running', operation }
  },

  async look(call, { path, end }, line) {
    const told = endIn(end)
    if (told) return told
    return progressOf(newsIn(await line.api.request(call, { path })))
  },

  async cancel(call, { path, end }, line) {
    if (end === undefined) await line.api.request(call, { method: 'POST', path: `${path}/cancel` })
  },
}

function isClip({ task }: Order): boolean {
  return task === 'text-to-video' || task === 'image-to-video'
}

function loras({ adapter }: Order): JsonObject {
  return adapter ? { lora_weights: `https://huggingface.co/${adapter.model}` } : {}
}

function countIn({ input }: Order): number {
  return numberAt(input, 'num_outputs') ?? 1
}

function progressOf(prediction: object): Progress {
  const word = textAt(prediction, 'status')
  if (word === undefined) throw new Error('Replicate tells no status')
  const end = endOf(prediction)
  if (end) return end
  if (word !== 'succeeded') return { status: 'running', stage: word === 'starting' ? 'queued' : 'running' }
  const outputs = outputsIn(prediction)
  return outputs.length > 0 ? { status: 'done', outputs } : failed('no_output', 'yes', 'The prediction has no output.')
}

/** `aborted` never started and is not charged; `canceled` was running and is (replicate.com/docs, create-a-prediction). */
const PAID: Readonly<Partial<Record<string, Paid>>> = { failed: 'unknown', canceled: 'yes', aborted: 'no' }

function endOf(prediction: unknown): Failed | null {
  const word = textAt(prediction, 'status') ?? ''
  const paid = Object.hasOwn(PAID, word) ? PAID[word] : undefined
  if (paid === undefined) return null
  const said = textAt(prediction, 'error') ?? word
  const why = isPolicy(said) ? 'content_policy' : 'provider_error'
  return failed(word === 'failed' ? why : 'canceled', paid, said)
}

function asJson({ kind, paid, message }: Failed): JsonObject {
  return { kind, paid, message }
}

function endIn(end: unknown): Failed | null {
  const kinds = ['content_policy', 'provider_error', 'canceled'] as const
  const kind = kinds.find(each => each === at(end, 'kind'))
  const paid = (['no', 'yes', 'unknown'] as const satisfies Paid[]).find(each => each === at(end, 'paid'))
  return kind && paid ? failed(kind, paid, textAt(end, 'message') ?? '') : null
}

function outputsIn(prediction: unknown): Output[] {
  const expiresAt = Date.now() + KEPT_SECONDS * 1000
  return [at(prediction, 'output')]
    .flat()
    .filter(isWebAddress)
    .map(url => ({ url, expiresAt }))
}
