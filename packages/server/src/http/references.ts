/**
 * References: the word in a webhook's path that says which job and attempt it is about. Whoever holds one was given it by
 * us, so it is the first thing that is checked of a delivery, before its body is even read.
 */
import { createHmac, hkdfSync, timingSafeEqual } from 'node:crypto'

/** What a reference names. */
export interface Referent {
  jobId: string
  attemptId: string
}

export interface References {
  /** 64 characters that are safe in a path. Both ids have to be UUIDs. */
  seal(referent: Referent): string
  /** Null for anything that we did not seal. */
  open(reference: string): Referent | null
}

const ID_BYTES = 16
const SIGNATURE_BYTES = 16
/** 48 bytes fill base64url to the last bit: every reference is written in one way only. */
const REFERENCE = /^[\w-]{64}$/
const UUID = /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/i

/** Signs with the first secret and believes what any of them signed. */
export function createReferences(secrets: readonly [string, ...string[]]): References {
  const [first, ...older] = secrets.map(keyOf) as [Buffer, ...Buffer[]]
  return {
    seal({ jobId, attemptId }) {
      const ids = Buffer.concat([bytesOf(jobId), bytesOf(attemptId)])
      return Buffer.concat([ids, sign(first, ids)]).toString('base64url')
    },
    open(reference) {
      if (!REFERENCE.test(reference)) return null
      const bytes = Buffer.from(reference, 'base64url')
      const ids = bytes.subarray(0, 2 * ID_BYTES)
      const signature = bytes.subarray(2 * ID_BYTES)
      if (![first, ...older].some(key => timingSafeEqual(sign(key, ids), signature))) return null
      return { jobId: uuidOf(ids.subarray(0, ID_BYTES)), attemptId: uuidOf(ids.subarray(ID_BYTES)) }
    },
  }
}

/** A key for this purpose alone: nothing else that the secret signs is ever a reference. */
function keyOf(secret: string): Buffer {
  return Buffer.from(hkdfSync('sha256', secret, '', 'safelight references', 32))
}

function sign(key: Buffer, ids: Uint8Array): Buffer {
  return createHmac('sha256', key).update(ids).digest().subarray(0, SIGNATURE_BYTES)
}

function bytesOf(id: string): Buffer {
  if (!UUID.test(id)) throw new Error('A reference names UUIDs')
  return Buffer.from(id.replaceAll('-', ''), 'hex')
}

function uuidOf(bytes: Buffer): string {
  const digits = bytes.toString('hex')
  return digits.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
}
