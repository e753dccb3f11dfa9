/** Webhooks of the Gemini API, as the simulator signs them: a JWT for those of single jobs, Standard Webhooks for a project's. */
import { createHmac, createSign, generateKeyPairSync, type KeyObject } from 'node:crypto'
import type { Desk, SimulatedJob } from '../testing/kit/index.ts'
import { interactionOf } from './simulated-interactions.ts'
import { nameOf, operationOf } from './simulated-veo.ts'
import { clipOf } from './simulator.ts'

const KEY_ID = 'simulated-1'
const LATE_SECONDS = 600
let pair: { publicKey: KeyObject; privateKey: KeyObject } | undefined

/** Made when it is first asked for: it takes a moment. */
function keyPair() {
  return (pair ??= generateKeyPairSync('rsa', { modulusLength: 2048 }))
}

export function simulatedJwks(): object {
  return { keys: [{ ...keyPair().publicKey.export({ format: 'jwk' }), kid: KEY_ID, alg: 'RS256', use: 'sig' }] }
}

export async function signedDelivery(job: SimulatedJob, desk: Desk, secret: string | undefined) {
  const seconds = Math.floor(desk.now() / 1000) - (job.plan.webhook === 'late' ? LATE_SECONDS : 0)
  const event = { version: 'v1', timestamp: new Date(seconds * 1000).toISOString(), ...eventOf(job, desk) }
  const body = JSON.stringify(event)
  const id = `msg_${job.id}`
  const signature =
    secret === undefined ? jwtOf({ ...event, ...claimsOf(job, seconds) }) : hmac(secret, id, seconds, body)
  const headers = { 'webhook-id': id, 'webhook-timestamp': String(seconds), 'webhook-signature': signature }
  return { headers, body }
}

/** Thin: what happened, and to what. There is no event for a clip of Veo that failed. */
function eventOf(job: SimulatedJob, desk: Desk): object {
  if (job.details['surface'] === 'veo') {
    const isMade = JSON.stringify(operationOf(job, desk)).includes('"uri"')
    const files = isMade ? { output_file_uri: clipOf(job, desk), file_name: `files/${job.id}` } : {}
    return { type: 'video.generated', data: { id: nameOf(job), ...files } }
  }
  const { status } = interactionOf(job, desk)
  const type = `interaction.${status === 'completed' || status === 'cancelled' ? status : 'failed'}`
  return { type, data: { id: job.id } }
}

function claimsOf(job: SimulatedJob, seconds: number): object {
  const { metadata } = job.details
  const said = { iss: 'https://generativelanguage.googleapis.com', aud: job.webhook, iat: seconds, exp: seconds + 3600 }
  return metadata === undefined ? said : { ...said, user_metadata: metadata }
}

function jwtOf(claims: object): string {
  const encode = (part: object) => Buffer.from(JSON.stringify(part)).toString('base64url')
  const text = `${encode({ alg: 'RS256', typ: 'JWT', kid: KEY_ID })}.${encode(claims)}`
  return `${text}.${createSign('RSA-SHA256').update(text).sign(keyPair().privateKey, 'base64url')}`
}

function hmac(secret: string, id: string, seconds: number, body: string): string {
  const key = Buffer.from(secret.replace(/^whsec_/, ''), 'base64')
  return `v1,${createHmac('sha256', key).update(`${id}.${seconds}.${body}`).digest('base64')}`
}
