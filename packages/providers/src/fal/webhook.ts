/** fal's signed deliveries (docs.fal.ai/model-endpoints/webhooks): Ed25519, with public keys at a well-known address. */
import { fromHex, hex, isFresh, listAt, readJson, readAnswer, textAt } from '@safelight/core/adapter'
import type { Instant, WebhookCall, WebhookNews } from '@safelight/core'
import { requestIdIn } from './operation.ts'

/** fal asks not to keep them longer than a day. */
const KEYS_KEPT_SECONDS = 3600
/** A signature that no key fits may be by a new key, or a forger's: fal is asked no more often than this. */
const KEYS_ASKED_EVERY_SECONDS = 60
const KEYS_MAX = 20
const KEYS_MAX_BYTES = 256 * 1024

export type Verifier = (call: WebhookCall) => Promise<WebhookNews>

interface KeySet {
  keys: CryptoKey[]
  fetchedAt: Instant
}

/** `keysUrl` is public: no API key goes there. */
export function createVerifier(keysUrl: string): Verifier {
  let known: KeySet | null = null
  let asking: Promise<KeySet> | null = null
  let askedAt = Number.NEGATIVE_INFINITY

  async function ask({ fetch, signal, now }: WebhookCall): Promise<KeySet> {
    const request = { headers: { accept: 'application/json' }, redirect: 'manual', signal } as const
    const answer = await readAnswer(await fetch(keysUrl, request), KEYS_MAX_BYTES)
    if (answer.status !== 200) throw new Error(`fal’s keys answered ${answer.status}`)
    known = { keys: await keysIn(answer.json), fetchedAt: now }
    return known
  }

  /** Deliveries that come together share one request. */
  async function refreshed(call: WebhookCall): Promise<KeySet> {
    if (known && Math.abs(call.now - askedAt) < KEYS_ASKED_EVERY_SECONDS * 1000) return known
    askedAt = call.now
    asking ??= ask(call).finally(() => (asking = null))
    return asking
  }

  return async call => {
    const signed = await signedIn(call)
    if (!signed) return { status: 'forged' }
    const isOld = !known || Math.abs(call.now - known.fetchedAt) > KEYS_KEPT_SECONDS * 1000
    const first: KeySet = isOld || !known ? await refreshed(call) : known
    const isGenuine = (await fits(first, signed)) || (!isOld && (await fits(await refreshed(call), signed)))
    return isGenuine ? newsIn(call, signed.requestId) : { status: 'forged' }
  }
}

interface Signed {
  requestId: string
  message: Uint8Array<ArrayBuffer>
  signature: Uint8Array<ArrayBuffer>
}

/** `request id, user id, timestamp, hex(sha256(body))`, a line each. Null where a part is missing, or too old. */
async function signedIn({ headers, body, now }: WebhookCall): Promise<Signed | null> {
  const requestId = headers.get('x-fal-webhook-request-id')
  const userId = headers.get('x-fal-webhook-user-id')
  const timestamp = headers.get('x-fal-webhook-timestamp')
  const signature = fromHex(headers.get('x-fal-webhook-signature') ?? '')
  if (!requestId || userId === null || !isFresh(timestamp, now) || signature?.length !== 64) return null
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', body as Uint8Array<ArrayBuffer>))
  const message = new TextEncoder().encode([requestId, userId, timestamp, hex(digest)].join('\n'))
  return { requestId, message, signature }
}

async function fits({ keys }: KeySet, { message, signature }: Signed): Promise<boolean> {
  for (const key of keys) {
    if (await crypto.subtle.verify('Ed25519', key, signature, message)) return true
  }
  return false
}

/** fal writes `x` with padding, which is no base64url and which strict readers refuse; `atob` takes both. */
async function keysIn(jwks: unknown): Promise<CryptoKey[]> {
  const keys: CryptoKey[] = []
  for (const each of listAt(jwks, 'keys').slice(0, KEYS_MAX)) {
    const bytes = bytesOfBase64Url(textAt(each, 'x') ?? '')
    if (bytes?.length === 32) keys.push(await crypto.subtle.importKey('raw', bytes, 'Ed25519', false, ['verify']))
  }
  if (keys.length === 0) throw new Error('fal published no keys')
  return keys
}

function bytesOfBase64Url(text: string): Uint8Array<ArrayBuffer> | null {
  try {
    const binary = atob(text.replaceAll('-', '+').replaceAll('_', '/'))
    return Uint8Array.from(binary, character => character.charCodeAt(0))
  } catch {
    // Another kind of key, of which we know nothing.
    return null
  }
}

/** A retried request has a new `gateway_request_id`; `request_id` stays, and is what the job is asked after with. */
function newsIn({ body, endpoint }: WebhookCall, signedId: string): WebhookNews {
  const requestId = requestIdIn(readJson(body))
  if (requestId === undefined) return { status: 'verified', deliveryId: signedId }
  return { status: 'verified', deliveryId: requestId, operation: { requestId, endpoint } }
}
