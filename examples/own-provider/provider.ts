/** A provider for a vendor of your own: what it says, in our words. It answers and never waits, retries or keeps a key. */
import { defineModel, type LookCall, type Provider, type Submitted } from '@safelight/core'
import { createApi, handOver, kindOfStatus, listAt, refused, retryAfterSeconds, textAt } from '@safelight/core/adapter'

const acmeFox = defineModel({
  id: 'acme-fox',
  name: 'Acme Fox',
  kind: 'image',
  description: 'Draws foxes.',
  sizes: { square: { width: 64, height: 64 } },
  maxCount: 2,
  timeoutSeconds: 60,
  routes: [{ provider: 'acme', endpoint: 'fox-1', body: ({ prompt, count }) => ({ prompt, count }) }],
})

const jobPath = ({ operation }: LookCall): string => `/jobs/${textAt(operation, 'id')}`

export function acme({ baseUrl = 'https://api.acme.example' } = {}) {
  const api = createApi({ base: baseUrl, authorize: ({ secret }) => ({ 'x-acme-key': secret }) })
  return {
    id: 'acme',
    models: [acmeFox],
    // Acme has no idempotency key and no list of jobs: a submit whose answer is lost is never sent again.
    recovery: 'atMostOnce',
    requestTimeoutSeconds: 30,
    submit: call =>
      handOver(
        api,
        call,
        { method: 'POST', path: `/${call.endpoint}`, body: call.body as object },
        (answer): Submitted => {
          const id = textAt(answer.json, 'id')
          if (answer.status === 201 && id) return { status: 'running', operation: { id } }
          const kind = kindOfStatus(answer.status)
          // Anything else does not say whether the job was taken, and so must not be guessed.
          if (!kind) throw new Error(`Acme answered ${answer.status}`)
          return refused(kind, 'Acme refused.', { retryAfterSeconds: retryAfterSeconds(answer.headers) })
        },
      ),
    async look(call) {
      const { json, status } = await api.request(call, { path: jobPath(call) })
      const state = textAt(json, 'state')
      switch (state) {
        case 'done':
          return { status: 'done', outputs: listAt(json, 'files').map(url => ({ url: String(url) })) }
        case 'failed':
          return { status: 'failed', kind: 'provider_error', paid: 'no', message: 'Acme failed.' }
        case 'working':
          return { status: 'running' }
        case undefined:
        default:
          throw new Error(`Acme answered ${status}`)
      }
    },
    async cancel(call) {
      await api.request(call, { method: 'DELETE', path: jobPath(call) })
    },
  } as const satisfies Provider & { models: unknown }
}
