/** Runway: tasks that are looked at every five seconds or more. It has no webhooks, and no keys against doubles. */
import type { KeyCheck, Provider } from '@safelight/core'
import { createApi, handOver, numberAt, prepare } from '@safelight/core/adapter'
import { isOpen, pathOf, readProgress, readSubmitted } from './answers.ts'
import { bodyOf } from './inputs.ts'
import { runwayModels } from './models.ts'
import { refusalOf } from './refusals.ts'

export interface RunwayOptions {
  /** With or without `/v1`; `https://api.dev.runwayml.com` where absent. */
  baseUrl?: string
}

export type RunwayProvider = Provider & { readonly id: 'runway'; readonly models: typeof runwayModels }

/** Mandatory with every request (docs.dev.runwayml.com/api-details/versioning). */
const VERSION = '2024-11-06'

export function runway({ baseUrl = 'https://api.dev.runwayml.com' }: RunwayOptions = {}): RunwayProvider {
  const api = createApi({
    base: baseUrl,
    prefix: '/v1',
    authorize: ({ secret }) => ({ authorization: `Bearer ${secret}`, 'x-runway-version': VERSION }),
  })
  return {
    id: 'runway',
    models: runwayModels,
    recovery: 'atMostOnce',
    requestTimeoutSeconds: 60,
    lookSecondsMin: 5,
    reissuesOutputs: true,
    // Tier 1 makes one or two at once; what is more is taken, and waits (docs.dev.runwayml.com/usage/tiers).
    limits: { image: { maxOpen: 2 }, video: { maxOpen: 2 } },

    async submit(call) {
      const ready = await prepare(() => bodyOf(api, call))
      if ('status' in ready) return ready
      const path = `/${call.endpoint.slice(call.endpoint.lastIndexOf('/') + 1)}`
      return handOver(api, call, { method: 'POST', path, body: ready.made }, readSubmitted)
    },

    look: async call => readProgress(await api.request(call, { path: pathOf(call.operation) })),

    async cancel(call) {
      const path = pathOf(call.operation)
      if (!isOpen(await api.request(call, { path }))) return
      const { status } = await api.request(call, { method: 'DELETE', path })
      if (status >= 300 && status !== 404) throw new Error(`Runway answered a cancel with ${status}`)
    },

    async check(call): Promise<KeyCheck> {
      const answer = await api.request(call, { path: '/organization' })
      if (answer.status === 401) return { status: 'refused', kind: 'auth' }
      if (answer.status === 403) return { status: 'refused', kind: 'permission' }
      const kind = refusalOf(answer)?.kind
      const amount = numberAt(answer.json, 'creditBalance')
      if (kind === 'credits_exhausted') return { status: 'refused', kind }
      if (answer.status !== 200 || amount === undefined) throw new Error(`Runway answered ${answer.status} about a key`)
      if (amount <= 0) return { status: 'refused', kind: 'credits_exhausted' }
      return { status: 'accepted', balance: { amount, unit: 'credits' } }
    },
  }
}
