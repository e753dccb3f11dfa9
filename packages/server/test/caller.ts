/** A provider that calls back: what it takes it never answers for, and only its deliveries say what became of it. */
import { createHmac } from 'node:crypto'
import { defineModel, type Json, type Provider, type Token } from '@safelight/core'
import { models as stageModels, png } from './stage.ts'

const SECRET = 'shared with the vendor'
const FRESH_SECONDS = 300
const [picture] = stageModels

const postcard = defineModel({
  ...picture,
  id: 'postcard',
  routes: [{ provider: 'caller', endpoint: 'postcard', body: ({ prompt }) => ({ prompt }) }],
})

export const callerToken: Token = {
  provider: 'caller',
  label: 'CALLER_KEY',
  secret: 'sentinel-caller-key',
  account: 'CALLER_KEY',
  draining: false,
  maxOpen: null,
}

export interface CallerWorld {
  provider: Provider & { models: readonly [typeof postcard] }
  /** Resolves with where the vendor may call, once it has been handed the job; the answer to that is lost. */
  taken: Promise<string>
  /** The vendor's bill. */
  accepted: string[]
}

export function createCaller(): CallerWorld {
  const { promise: taken, resolve } = Promise.withResolvers<string>()
  const accepted: string[] = []
  const provider: CallerWorld['provider'] = {
    id: 'caller',
    recovery: 'atMostOnce',
    requestTimeoutSeconds: 30,
    models: [postcard],
    async submit({ attemptId, webhookUrl }) {
      accepted.push(attemptId)
      resolve(webhookUrl ?? '')
      throw new Error('the line was cut')
    },
    async look() {
      return { status: 'done', outputs: [{ url: 'caller:output' }] }
    },
    async download() {
      return new Blob([png]).stream()
    },
    async webhook({ body, headers, now }) {
      const timestamp = headers.get('x-timestamp') ?? ''
      const isFresh = Math.abs(now / 1000 - Number(timestamp)) <= FRESH_SECONDS
      if (!isFresh || headers.get('x-signature') !== signatureOf(timestamp, body)) return { status: 'forged' }
      const deliveryId = headers.get('x-delivery') ?? ''
      const operation = operationIn(body)
      return { status: 'verified', deliveryId, ...(operation === undefined ? {} : { operation }) }
    },
  }
  return { provider, taken, accepted }
}

/** As the vendor would send it. */
export function signed(
  body: string | Uint8Array<ArrayBuffer>,
  { delivery = 'delivery-1', ageSeconds = 0 }: { delivery?: string; ageSeconds?: number } = {},
): RequestInit {
  const bytes = typeof body === 'string' ? new TextEncoder().encode(body) : body
  const timestamp = String(Math.floor(Date.now() / 1000) - ageSeconds)
  return {
    method: 'POST',
    body: bytes,
    headers: { 'x-timestamp': timestamp, 'x-signature': signatureOf(timestamp, bytes), 'x-delivery': delivery },
  }
}

function signatureOf(timestamp: string, body: Uint8Array): string {
  return createHmac('sha256', SECRET).update(`${timestamp}.`).update(body).digest('hex')
}

function operationIn(body: Uint8Array): Json | undefined {
  try {
    return (JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body)) as { id?: Json }).id
  } catch {
    return undefined
  }
}
