/** JSON Web Tokens with RS256 (RFC 7515, 7519), verified with keys that their issuer publishes (RFC 7517). */
import type { Instant } from '@safelight/core'
import {
  DELIVERY_AGE_MAX_SECONDS,
  fromBase64,
  listAt,
  numberAt,
  readJson,
  readAnswer,
  textAt,
} from '@safelight/core/adapter'

type Caller = { fetch: typeof globalThis.fetch; signal: AbortSignal; now: Instant }

export interface KeyRing {
  /** Undefined for a key that is not among them. Throws where they cannot be had. */
  find(id: string, call: Caller): Promise<CryptoKey | undefined>
}

const KEYS_MAX = 20
const JWKS_MAX_BYTES = 256 * 1024
/** Keys are asked for again after this long, or when one is unknown, but never more often than once a minute. */
const KEPT_MS = 3_600_000
const PAUSE_MS = 60_000
const RS256 = { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' }

/** The keys that are published at an address, kept for an hour. No key of ours goes along. */
export function createKeyRing(url: string): KeyRing {
  let keys = new Map<string, CryptoKey>()
  let askedAt = -Infinity
  return {
    async find(id, call) {
      const age = call.now - askedAt
      const isOld = age >= KEPT_MS || age < 0
      if (isOld || (!keys.has(id) && age >= PAUSE_MS)) {
        keys = await published(url, call)
        askedAt = call.now
      }
      return keys.get(id)
    },
  }
}

async function published(url: string, { fetch, signal }: Caller): Promise<Map<string, CryptoKey>> {
  const response = await fetch(url, { headers: { accept: 'application/json' }, redirect: 'manual', signal })
  const { status, json } = await readAnswer(response, JWKS_MAX_BYTES)
  if (status !== 200) throw new Error(`The keys of webhooks could not be had: ${status}`)
  const keys = new Map<string, CryptoKey>()
  for (const jwk of listAt(json, 'keys').slice(0, KEYS_MAX)) {
    const id = textAt(jwk, 'kid')
    if (id === undefined || textAt(jwk, 'kty') !== 'RSA') continue
    const [n, e] = [textAt(jwk, 'n') ?? '', textAt(jwk, 'e') ?? '']
    keys.set(id, await crypto.subtle.importKey('jwk', { kty: 'RSA', n, e }, RS256, false, ['verify']))
  }
  return keys
}

/** The claims of a token that is signed and of now; null for every other. */
export async function readJwt(token: string, keys: KeyRing, call: Caller): Promise<unknown> {
  const [head, claims, signature, ...more] = token.split('.')
  if (!head || !claims || !signature || more.length > 0) return null
  const header = decodedJson(head)
  const id = textAt(header, 'kid')
  const signed = decoded(signature)
  // The algorithm is ours to say, not the token's.
  if (textAt(header, 'alg') !== 'RS256' || id === undefined || !signed) return null
  const key = await keys.find(id, call)
  const text = new TextEncoder().encode(`${head}.${claims}`)
  if (!key || !(await crypto.subtle.verify(RS256, key, signed, text))) return null
  const said = decodedJson(claims)
  return isOfNow(said, call.now) ? said : null
}

/** Issued just now, and not expired; one of the two has to be said. */
function isOfNow(claims: unknown, now: Instant): boolean {
  const [issued, expires, from] = [numberAt(claims, 'iat'), numberAt(claims, 'exp'), numberAt(claims, 'nbf')]
  const seconds = now / 1000
  if (issued === undefined && expires === undefined) return false
  if (issued !== undefined && Math.abs(seconds - issued) > DELIVERY_AGE_MAX_SECONDS) return false
  if (from !== undefined && seconds + DELIVERY_AGE_MAX_SECONDS < from) return false
  return expires === undefined || seconds < expires
}

function decoded(text: string): Uint8Array<ArrayBuffer> | undefined {
  try {
    return fromBase64(text.replaceAll('-', '+').replaceAll('_', '/'))
  } catch {
    // No base64url is no token.
    return undefined
  }
}

function decodedJson(text: string): unknown {
  const bytes = decoded(text)
  return bytes && readJson(bytes)
}
