/**
 * Deliveries of the Gemini API, which has two ways to sign under one name of header
 * (ai.google.dev/gemini-api/docs/webhooks): `v1,…` with the secret of a project's webhook, as in Standard Webhooks; and,
 * for webhooks of single jobs, a JWT (RS256) whose keys Google publishes. The JWT says nothing of the body: what is
 * believed of such a delivery is what the JWT itself says.
 */
import type { Json, WebhookCall, WebhookNews } from '@safelight/core'
import { isFresh, readJson, textAt, verifyStandardWebhook } from '@safelight/core/adapter'
import { isInteractionId } from './interactions.ts'
import { createKeyRing, readJwt } from './jwt.ts'
import { isOperationName } from './veo.ts'

export function createWebhookReader(
  jwksUrl: string,
  secret: string | undefined,
): (call: WebhookCall) => Promise<WebhookNews> {
  const keys = createKeyRing(jwksUrl)
  return async call => {
    const { headers, body, now, attemptId } = call
    const signature = headers.get('webhook-signature') ?? ''
    const timestamp = headers.get('webhook-timestamp')
    if (timestamp !== null && !isFresh(timestamp, now)) return { status: 'forged' }
    const written = readJson(body)
    if (secret !== undefined && signature.startsWith('v1,')) {
      return (await verifyStandardWebhook(call, secret)) ? newsOf(written, headers) : { status: 'forged' }
    }
    const claims = await readJwt(signature, keys, call)
    if (claims === null || isOfAnother(claims, attemptId) || contradicts(written, claims)) return { status: 'forged' }
    return newsOf(claims, headers)
  }
}

/** `user_metadata` comes back as we gave it. */
function isOfAnother(claims: unknown, attemptId: string): boolean {
  const attempt = textAt(claims, 'user_metadata', 'attempt') ?? textAt(claims, 'data', 'user_metadata', 'attempt')
  return attempt !== undefined && attempt !== attemptId
}

/** The body and the JWT speak of the same work, where both name one. */
function contradicts(written: unknown, claims: unknown): boolean {
  const [a, b] = [textAt(written, 'data', 'id'), textAt(claims, 'data', 'id')]
  return b !== undefined && a !== b
}

function newsOf(event: unknown, headers: Headers): WebhookNews {
  const id = textAt(event, 'data', 'id')
  const named = `${textAt(event, 'type') ?? ''} ${id ?? ''}`
  const deliveryId = headers.get('webhook-id') ?? textAt(event, 'jti') ?? named
  const operation = operationOf(textAt(event, 'type') ?? '', id)
  return { status: 'verified', deliveryId, ...(operation === undefined ? {} : { operation }) }
}

function operationOf(type: string, id: string | undefined): Json | undefined {
  if (type.startsWith('interaction.')) return isInteractionId(id) ? { surface: 'interactions', id } : undefined
  return type.startsWith('video.') && isOperationName(id) ? { surface: 'veo', name: id } : undefined
}
