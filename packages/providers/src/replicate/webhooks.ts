/** Deliveries of Replicate: Standard Webhooks with one secret for each account (replicate.com/docs/topics/webhooks/verify-webhook). */
import type { Instant, WebhookCall, WebhookNews } from '@safelight/core'
import { readJson, textAt, verifyStandardWebhook } from '@safelight/core/adapter'
import type { Api } from '@safelight/core/adapter'
import { operationOf } from './operation.ts'

interface Secret {
  key: string
  fetchedAt: Instant
}

const SECRET_LIFETIME_MS = 3_600_000
/** A wrong signature may mean a new secret; asked for no more often than this. */
const REFETCH_MS = 60_000
/** Tokens whose secrets are remembered. */
const SECRETS_MAX = 100

/** Verifies deliveries, and remembers secrets for a while. Their age is checked here: the official client does not. */
export function createVerifier(api: Api): (call: WebhookCall) => Promise<WebhookNews> {
  const secrets = new Map<string, Secret>()

  async function fetchSecret(call: WebhookCall): Promise<Secret> {
    const { status, json } = await api.request(call, { path: '/webhooks/default/secret' })
    const key = textAt(json, 'key')
    if (status !== 200 || key === undefined) throw new Error(`Asking for the webhook secret answered ${status}`)
    const secret = { key, fetchedAt: call.now }
    secrets.delete(call.token.secret)
    const [oldest] = secrets.size >= SECRETS_MAX ? secrets.keys() : []
    if (oldest !== undefined) secrets.delete(oldest)
    secrets.set(call.token.secret, secret)
    return secret
  }

  return async call => {
    const known = secrets.get(call.token.secret)
    const isUsable = known && call.now - known.fetchedAt < SECRET_LIFETIME_MS
    const secret = isUsable ? known : await fetchSecret(call)
    let isGenuine = await verifyStandardWebhook(call, secret.key)
    if (!isGenuine && call.now - secret.fetchedAt >= REFETCH_MS) {
      isGenuine = await verifyStandardWebhook(call, (await fetchSecret(call)).key)
    }
    return isGenuine ? newsIn(call, api) : { status: 'forged' }
  }
}

function newsIn({ body, headers }: WebhookCall, api: Api): WebhookNews {
  const operation = operationOf(readJson(body), api)
  const deliveryId = headers.get('webhook-id') ?? ''
  return { status: 'verified', deliveryId, ...(operation ? { operation: { ...operation } } : {}) }
}
