/** Signed deliveries (docs.fal.ai/model-endpoints/webhooks), with a key made for tests. */
import { fromHex, hex } from '@safelight/core/adapter'
import type { Desk, SimulatedJob } from '../../testing/kit/index.ts'
import { resultOf, textOf } from './results.ts'

/** A throw-away key pair, published here so that anyone can check a delivery. */
const PRIVATE_SEED_HEX = 'a3c867f80b921e310326c4dcc59c9e7a8283b337d314a09a1e1d203a38100358'
/** With padding, as the live address has it. */
export const JWKS = {
  keys: [{ kty: 'OKP', crv: 'Ed25519', kid: 'sim-1', x: 'KXNdS5YcNMtlpYRQRMbYlWPG6x0RfIDt6LNIlEAKcp0=' }],
}
const PKCS8_HEAD = '302e020100300506032b657004220420'
const LATE_SECONDS = 600

export async function deliveryOf(
  job: SimulatedJob,
  desk: Desk,
): Promise<{ headers: Record<string, string>; body: string }> {
  const result = resultOf(job, desk)
  const isOk = result.status < 300
  const head = { request_id: job.id, gateway_request_id: job.id, status: isOk ? 'OK' : 'ERROR' }
  const error = isOk ? null : `Invalid status code: ${result.status}`
  const body = `${JSON.stringify({ ...head, error }).slice(0, -1)},"payload":${textOf(result)}}`
  const late = job.plan.webhook === 'late' ? LATE_SECONDS : 0
  return { headers: await signed(job.id, body, Math.floor(desk.now() / 1000) - late), body }
}

/** The four headers for a body. */
export async function signed(requestId: string, body: string, timestamp: number): Promise<Record<string, string>> {
  const userId = 'user_42'
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(body)))
  const message = new TextEncoder().encode([requestId, userId, timestamp, hex(digest)].join('\n'))
  const seed = fromHex(PKCS8_HEAD + PRIVATE_SEED_HEX)!
  const key = await crypto.subtle.importKey('pkcs8', seed, 'Ed25519', false, ['sign'])
  return {
    'x-fal-webhook-request-id': requestId,
    'x-fal-webhook-user-id': userId,
    'x-fal-webhook-timestamp': String(timestamp),
    'x-fal-webhook-signature': hex(new Uint8Array(await crypto.subtle.sign('Ed25519', key, message))),
  }
}
