/** What webhook verifiers share. Comparisons take the same time wherever two values differ. */
import type { Instant } from '../contracts.ts'
import { fromBase64 } from './files.ts'

/** A delivery may be so old, or so far ahead of our clock. */
export const DELIVERY_AGE_MAX_SECONDS = 300

/** `timestamp` in unix seconds, as text. */
export function isFresh(timestamp: string | null, now: Instant): boolean {
  if (timestamp === null || !/^\d{1,12}$/.test(timestamp)) return false
  return Math.abs(now / 1000 - Number(timestamp)) <= DELIVERY_AGE_MAX_SECONDS
}

export async function hmacSha256(key: Uint8Array<ArrayBuffer>, message: Uint8Array<ArrayBuffer>): Promise<Uint8Array> {
  const imported = await crypto.subtle.importKey('raw', key, { name: 'HMAC', hash: 'SHA-256' }, false, ['sign'])
  return new Uint8Array(await crypto.subtle.sign('HMAC', imported, message))
}

export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false
  let difference = 0
  for (let index = 0; index < a.length; index++) difference |= a[index]! ^ b[index]!
  return difference === 0
}

export function hex(bytes: Uint8Array): string {
  return [...bytes].map(byte => byte.toString(16).padStart(2, '0')).join('')
}

/** Undefined for what is no hexadecimal. */
export function fromHex(text: string): Uint8Array<ArrayBuffer> | undefined {
  if (!/^(?:[0-9a-f]{2})+$/i.test(text)) return undefined
  return Uint8Array.from(text.match(/../g) ?? [], pair => Number.parseInt(pair, 16))
}

/** `id.timestamp.body`, the text that Standard Webhooks and its relatives sign. */
export function signedText(id: string, timestamp: string, body: Uint8Array): Uint8Array<ArrayBuffer> {
  const head = new TextEncoder().encode(`${id}.${timestamp}.`)
  const text = new Uint8Array(head.length + body.length)
  text.set(head)
  text.set(body, head.length)
  return text
}

/** Standard Webhooks (standardwebhooks.com): `v1,<base64>`, several separated by spaces; the secret is base64 behind `whsec_`. */
export async function verifyStandardWebhook(
  delivery: { body: Uint8Array; headers: Headers; now: Instant },
  secret: string,
): Promise<boolean> {
  const { headers, body, now } = delivery
  const [id, timestamp] = [headers.get('webhook-id'), headers.get('webhook-timestamp')]
  if (!id || !timestamp || !isFresh(timestamp, now)) return false
  const key = fromBase64(secret.replace(/^whsec_/, ''))
  const expected = await hmacSha256(key, signedText(id, timestamp, body))
  const given = (headers.get('webhook-signature') ?? '').split(' ').filter(each => each.startsWith('v1,'))
  return given.some(each => sameBytes(expected, bytesOrNone(each.slice(3))))
}

function bytesOrNone(base64: string): Uint8Array {
  try {
    return fromBase64(base64)
  } catch {
    // No base64 is no signature.
    return new Uint8Array()
  }
}
