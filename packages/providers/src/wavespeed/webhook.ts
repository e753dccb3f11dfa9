/**
 * WaveSpeed's deliveries (wavespeed.ai/docs/verify-webhooks). They look like Standard Webhooks and are not: the signature is
 * `v3,` and hexadecimal, and the key is the text behind `whsec_` as it stands. Every API key has a secret of its own.
 */
import type { Instant, TokenCall, WebhookCall, WebhookNews } from '@safelight/core'
import {
  type Api,
  fromHex,
  hmacSha256,
  isFresh,
  readJson,
  sameBytes,
  signedText,
  textAt,
} from '@safelight/core/adapter'
import { operationOf, taskOf } from './answers.ts'
import { codeOf } from './refusals.ts'

/** A secret that does not fit is fetched anew at most this often for each key. */
const REFETCH_MS = 60_000
/** A secret that was exchanged is not believed for longer. */
const SECRET_AGE_MAX_MS = 3_600_000
const SECRETS_MAX = 200
const DELIVERY_ID_MAX_CHARACTERS = 200

/** The secret that belongs to a key, as text. */
export interface Secrets {
  of(call: TokenCall, now: Instant): Promise<string>
  /** Another one than `tried`; null where there is none, or it is too early to ask again. */
  anew(call: TokenCall, now: Instant, tried: string): Promise<string | null>
}

interface Kept {
  secret: Promise<string>
  fetchedAt: Instant
}

export function webhookSecrets(api: Api): Secrets {
  const known = new Map<string, Kept>()
  const fetchAnew = (call: TokenCall, fetchedAt: Instant): Promise<string> => {
    const key = call.token.secret
    const before = known.get(key)
    const secret = fetchSecret(api, call)
    // The one that has been there longest makes room.
    if (known.size >= SECRETS_MAX && !before) known.delete([...known.keys()][0] ?? '')
    known.set(key, { secret, fetchedAt })
    secret.catch(() => {
      // What could not be had leaves the old one in place, and the first one to the next delivery.
      if (known.get(key)?.secret !== secret) return
      if (before) known.set(key, { secret: before.secret, fetchedAt })
      else known.delete(key)
    })
    return secret
  }
  return {
    of(call, now) {
      const kept = known.get(call.token.secret)
      return kept && isWithin(SECRET_AGE_MAX_MS, now, kept.fetchedAt) ? kept.secret : fetchAnew(call, now)
    },
    async anew(call, now, tried) {
      const kept = known.get(call.token.secret)
      if (!kept || !isWithin(REFETCH_MS, now, kept.fetchedAt)) return fetchAnew(call, now)
      // Another delivery may have fetched it meanwhile.
      const secret = await kept.secret
      return secret === tried ? null : secret
    },
  }
}

/** A clock that was set back must not make a secret older or younger for long. */
function isWithin(spanMs: number, now: Instant, then: Instant): boolean {
  return Math.abs(now - then) < spanMs
}

async function fetchSecret(api: Api, call: TokenCall): Promise<string> {
  const { status, json } = await api.request(call, { path: '/webhook/secret', maxBytes: 64 * 1024 })
  const secret = textAt(json, 'data', 'secret')
  if (status !== 200 || (codeOf(json) ?? 200) !== 200 || !secret) {
    throw new Error(`WaveSpeed answered ${status} when asked for the webhook secret`)
  }
  return secret
}

/** Throws where the secret could not be had: then nobody knows, and the delivery comes again. */
export async function readDelivery(secrets: Secrets, call: WebhookCall): Promise<WebhookNews> {
  const { headers, now, body } = call
  const [id, timestamp] = [headers.get('webhook-id'), headers.get('webhook-timestamp')]
  const signatures = signaturesIn(headers)
  if (!id || !timestamp || !isFresh(timestamp, now) || signatures.length === 0) return { status: 'forged' }
  const signed = signedText(id, timestamp, body)
  const fits = async (text: string): Promise<boolean> => {
    const expected = await hmacSha256(new TextEncoder().encode(text.replace(/^whsec_/, '')), signed)
    return signatures.filter(signature => sameBytes(expected, signature)).length > 0
  }
  const secret = await secrets.of(call, now)
  if (!(await fits(secret))) {
    const other = await secrets.anew(call, now, secret)
    if (other === null || !(await fits(other))) return { status: 'forged' }
  }
  return { status: 'verified', deliveryId: id.slice(0, DELIVERY_ID_MAX_CHARACTERS), ...workIn(call) }
}

/** Those that could fit; a few are enough, as during a change of secrets. */
function signaturesIn(headers: Headers): Uint8Array[] {
  return (headers.get('webhook-signature') ?? '')
    .split(' ')
    .filter(each => each.startsWith('v3,'))
    .slice(0, 5)
    .flatMap(each => fromHex(each.slice(3)) ?? [])
}

/** A task of another model is another job's: its name is not taken for ours. */
function workIn({ body, endpoint }: WebhookCall): { operation?: { id: string; url?: string } } {
  const task = taskOf(readJson(body))
  const operation = operationOf(task)
  const isOurs = (textAt(task, 'model') ?? endpoint) === endpoint
  return operation && isOurs ? { operation } : {}
}
