/**
 * fal's queue (fal.ai/docs, model-endpoints/queue). The router finds the queue by `_subdomain=queue`, on every request
 * (huggingface.js, packages/inference, fal-ai.ts), and fal's answers point at queue.fal.run, where an `hf_` token must not go.
 */
import type { FailureKind, Output, Paid, Progress } from '@safelight/core'
import { at, listAt, numberAt, textAt, type Answer } from '@safelight/core/adapter'
import { failed, idIn, isPolicy, isWebAddress, newsIn, saidBy } from '../refusals.ts'
import type { Line, Operation, Order, Party } from './party.ts'

/** An old answer of fal's frequently asked questions; the account may say otherwise. */
const KEPT_SECONDS = 7 * 86_400

export const falAi: Party = {
  id: 'fal-ai',
  direct: { base: 'https://queue.fal.run', authorize: key => ({ authorization: `Key ${key}` }) },

  request: (order, line) => ({
    method: 'POST',
    path: `/${order.providerId}${queue(line)}`,
    body: { ...order.input, ...loras(order) },
  }),

  accepted({ json }, order, line) {
    const id = idIn(json, 'request_id')
    const told = pathIn(textAt(json, 'response_url'), line)
    const path = told ?? `/${appOf(order.providerId)}/requests/${id}`
    const operation: Operation = { party: 'fal-ai', id, path }
    return { status: 'running', operation }
  },

  async look(call, { path }, line) {
    const status = newsIn(await line.api.request(call, { path: `${path}/status${queue(line)}` }))
    const word = textAt(status, 'status')
    if (word === undefined) throw new Error('fal tells no status')
    if (word !== 'COMPLETED') {
      const queuePosition = numberAt(status, 'queue_position') ?? null
      return { status: 'running', stage: word === 'IN_QUEUE' ? 'queued' : 'running', queuePosition }
    }
    // Finished is not succeeded: what a model says against its input comes with the result only.
    const result = await line.api.request(call, { path: `${path}${queue(line)}` })
    return lastWord(result, [textAt(status, 'error_type'), textAt(status, 'error')].filter(isText).join(' · '))
  },

  async cancel(call, { path }, line) {
    await line.api.request(call, { method: 'PUT', path: `${path}/cancel${queue(line)}` })
  },
}

function queue({ isRouted }: Line): string {
  return isRouted ? '?_subdomain=queue' : ''
}

function loras({ adapter }: Order): object {
  if (!adapter?.weightsPath) return {}
  const path = `https://huggingface.co/${adapter.model}/resolve/main/${adapter.weightsPath}`
  return { loras: [{ path, scale: 1 }] }
}

const REQUEST_PATH = /^\/[\w-][\w.-]*(?:\/[\w-][\w.-]*){1,2}\/requests\/[\w-][\w.-]*$/

/** Of fal's own address only the path is used; a router that has put itself in front of it is taken off again. */
function pathIn(address: string | undefined, { api }: Line): string | undefined {
  const path = URL.parse(address ?? '')?.pathname
  if (path === undefined) return undefined
  const front = new URL(api.url('/')).pathname.replace(/\/$/, '')
  const bare = path.startsWith(`${front}/`) ? path.slice(front.length) : path
  return [bare, path].find(each => REQUEST_PATH.test(each))
}

/** Looks go to owner and app, whatever follows in the model's id; workflows and comfy keep three segments. */
function appOf(providerId: string): string {
  const segments = providerId.split('/')
  return segments.slice(0, segments[0] === 'workflows' || segments[0] === 'comfy' ? 3 : 2).join('/')
}

/** fal's own trouble (fal.ai/docs, request-errors); 5xx are never billed (fal.ai/docs, faq). */
const TROUBLE =
  /\b(?:request_timeout|startup_timeout|runner_\w+|internal_error|internal_server_error|generation_timeout|downstream_\w+)\b/

/** `error` is what the status said; empty where it said nothing. Throws where a gateway or a limit has answered. */
function lastWord(result: Answer, error: string): Progress {
  const { status, headers, json } = result
  const isFine = status >= 200 && status < 300
  if (isFine && error === '') {
    const outputs = outputsIn(newsIn(result))
    return outputs.length > 0 ? { status: 'done', outputs } : failed('no_output', 'yes', 'The result has no files.')
  }
  const platform = textAt(json, 'error_type') ?? headers.get('x-fal-error-type') ?? ''
  const said = [error, isFine ? '' : saidBy(result), platform].filter(isText).join(' · ')
  if (/still in progress/i.test(said)) return { status: 'running' }
  const ofModel = listAt(json, 'detail').some(each => textAt(each, 'type') !== undefined)
  const ofInput = (status === 400 || status === 422) && at(json, 'detail') !== undefined
  if (!(isFine || ofModel || ofInput || platform !== '' || TROUBLE.test(error) || CANCELED.test(error))) {
    throw new Error(`The result was answered with ${status}`)
  }
  return failed(...kindOf(status, headers, said), said)
}

const CANCELED = /\bclient_(?:cancelled|disconnected)\b/

function kindOf(status: number, headers: Headers, said: string): [FailureKind, Paid] {
  const billed = headers.get('x-fal-billable-units') === '0' ? 'no' : 'unknown'
  if (CANCELED.test(said)) return ['canceled', 'unknown']
  if (isPolicy(said)) return ['content_policy', billed]
  if (/\bno_media_generated\b/.test(said)) return ['no_output', billed]
  if (status >= 500 || TROUBLE.test(said)) return ['provider_error', 'no']
  return status >= 400 ? ['invalid_input', billed] : ['provider_error', 'unknown']
}

function isText(text: string | undefined): text is string {
  return text !== undefined && text !== ''
}

function outputsIn(result: object): Output[] {
  const expiresAt = Date.now() + KEPT_SECONDS * 1000
  const files = [...listAt(result, 'images'), at(result, 'image'), at(result, 'video'), ...listAt(result, 'videos')]
  return files.flatMap((file, index): Output[] => {
    const url = at(file, 'url')
    if (!isWebAddress(url)) return []
    const contentType = textAt(file, 'content_type')
    const flagged = at(result, 'has_nsfw_concepts', index) === true
    return [{ url, expiresAt, ...(contentType ? { contentType } : {}), ...(flagged ? { flagged } : {}) }]
  })
}
