/**
 * Deliveries of Black Forest Labs: `X-BFL-Signature: sha256=<hex>`, an HMAC of the raw body. The secret is ours to choose
 * for every task: it is derived from the attempt, so that nothing has to be kept.
 */
import type { Token, WebhookCall, WebhookNews } from '@safelight/core'
import {
  DELIVERY_AGE_MAX_SECONDS,
  fromHex,
  hex,
  hmacSha256,
  readJson,
  sameBytes,
  textAt,
  at,
} from '@safelight/core/adapter'
import { idIn } from './answers.ts'

const encoder = new TextEncoder()

/** The same for the same attempt and key; says nothing about either. */
export async function secretOf(attemptId: string, token: Token, master: string | undefined): Promise<string> {
  return hex(await hmacSha256(encoder.encode(master ?? token.secret), encoder.encode(`bfl webhook ${attemptId}`)))
}

export async function isSigned(body: Uint8Array, signature: string | null, secret: string): Promise<boolean> {
  const given = fromHex(/^sha256=([0-9a-f]{64})$/i.exec(signature ?? '')?.[1] ?? '')
  return given !== undefined && sameBytes(given, await hmacSha256(encoder.encode(secret), new Uint8Array(body)))
}

export async function readDelivery(call: WebhookCall, master: string | undefined): Promise<WebhookNews> {
  const { body, headers, now, attemptId, token } = call
  const signature = headers.get('x-bfl-signature')
  if (!(await isSigned(body, signature, await secretOf(attemptId, token, master)))) return { status: 'forged' }
  const news = readJson(body)
  if (isOld(at(news, 'timestamp'), now)) return { status: 'forged' }
  const id = idIn(news)
  // Delivered again, it has the same body, and so the same signature.
  const deliveryId = id === undefined ? (signature ?? '') : `${id} ${textAt(news, 'status') ?? ''}`
  return { status: 'verified', deliveryId, ...(id === undefined ? {} : { operation: { id, pollingUrl: null } }) }
}

/** Seconds, milliseconds or ISO 8601: its form is not documented. Where there is none, the secret of one attempt has to do. */
function isOld(timestamp: unknown, now: number): boolean {
  const instant = instantOf(timestamp)
  return Number.isFinite(instant) && Math.abs(now - instant) > DELIVERY_AGE_MAX_SECONDS * 1000
}

function instantOf(timestamp: unknown): number {
  const number = typeof timestamp === 'string' ? Number(timestamp) : timestamp
  if (typeof number === 'number' && Number.isFinite(number)) return number < 1e11 ? number * 1000 : number
  return typeof timestamp === 'string' ? Date.parse(timestamp) : NaN
}
