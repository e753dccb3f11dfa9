/**
 * WaveSpeed's v3 (wavespeed.ai/docs): an envelope whose code counts, not the HTTP status; ends that other clients do not
 * know; and addresses on api.wavespeed.ai, of which only the path is used.
 */
import type { FailureKind, Output, Paid } from '@safelight/core'
import { at, listAt, numberAt, textAt, type Answer } from '@safelight/core/adapter'
import { failed, idIn, isPolicy, isWebAddress, newsIn, refusalOf } from '../refusals.ts'
import { bearer, type Operation, type Order, type Party } from './party.ts'

/** wavespeed.ai/docs, what-are-predictions. */
const KEPT_SECONDS = 7 * 86_400

export const wavespeed: Party = {
  id: 'wavespeed',
  direct: { base: 'https://api.wavespeed.ai', authorize: bearer },

  request: order => ({
    method: 'POST',
    path: `/api/v3/${order.providerId}`,
    body: { ...order.input, ...loras(order) },
  }),

  accepted(answer) {
    const code = numberAt(answer.json, 'code')
    if (code !== undefined && (code < 200 || code > 299)) {
      // Status 200 with another code inside is no acceptance.
      const refusal = refusalOf({ ...answer, status: code })
      if (!refusal) throw new Error(`WaveSpeed answered with code ${code}`)
      return refusal
    }
    const id = idIn(answer.json, 'data', 'id')
    const operation: Operation = { party: 'wavespeed', id, path: pathIn(answer, id) }
    return { status: 'running', operation }
  },

  async look(call, { path }, line) {
    const news = newsIn(await line.api.request(call, { path }))
    const task = at(news, 'data')
    const word = textAt(task, 'status')
    if (word === undefined) throw new Error('WaveSpeed tells no status')
    if (word === 'completed') {
      const outputs = outputsIn(task)
      return outputs.length > 0
        ? { status: 'done', outputs }
        : failed('no_output', 'yes', textAt(task, 'error') ?? 'There is nothing in outputs.')
    }
    const said = `${word} · ${textAt(task, 'error') ?? ''}`
    const [kind, paid] = (Object.hasOwn(ENDS, word) ? ENDS[word] : undefined) ?? []
    if (kind && paid) return failed(isPolicy(said) ? 'content_policy' : kind, paid, said)
    return { status: 'running', stage: word === 'processing' ? 'running' : 'queued' }
  },
}

/** Failed tasks are refunded within three hours (wavespeed.ai/docs, troubleshooting-guide); of the others nothing is said. */
const ENDS: Readonly<Partial<Record<string, readonly [FailureKind, Paid]>>> = {
  failed: ['provider_error', 'no'],
  timeout: ['provider_error', 'unknown'],
  cancelled: ['canceled', 'unknown'],
  deleted: ['canceled', 'unknown'],
}

function loras({ adapter }: Order): object {
  return adapter ? { loras: [{ path: adapter.model, scale: 1 }] } : {}
}

function pathIn({ json }: Answer, id: string): string {
  const told = URL.parse(textAt(json, 'data', 'urls', 'get') ?? '')?.pathname ?? ''
  const [path] = /\/api\/v\d\/predictions\/[\w-][\w.-]*(?:\/result)?$/.exec(told) ?? []
  return path ?? `/api/v3/predictions/${id}/result`
}

function outputsIn(task: unknown): Output[] {
  const expiresAt = Date.now() + KEPT_SECONDS * 1000
  return listAt(task, 'outputs').flatMap((output, index): Output[] => {
    const url = typeof output === 'string' ? output : at(output, 'url')
    if (!isWebAddress(url)) return []
    return [{ url, expiresAt, ...(at(task, 'has_nsfw_contents', index) === true ? { flagged: true } : {}) }]
  })
}
