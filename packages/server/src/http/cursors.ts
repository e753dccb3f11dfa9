/** Cursors go out signed, for one person and one list, so that nothing else ever reaches the database as one. */
import { SafelightError } from '@safelight/core'
import { base64url } from 'jose'
import { deriveKey, isSameBytes } from '../auth/secrets.ts'

const CURSOR_MAX_CHARACTERS = 1000
const SIGNATURE_BYTES = 16
const encoder = new TextEncoder()

/** Whose cursor, and of which list. */
export interface CursorOwner {
  userId: string
  list: 'jobs' | 'media' | 'ledger'
}

export interface Cursors {
  seal(owner: CursorOwner, cursor: string | null): Promise<string | null>
  /** Throws `invalid_input` for anything that is not ours. */
  open(owner: CursorOwner, sealed: string): Promise<string>
}

export function createCursors(secrets: readonly string[]): Cursors {
  const keys = secrets.map(importKey)
  const sign = async (key: Promise<CryptoKey>, owner: CursorOwner, cursor: string) => {
    const message = encoder.encode(JSON.stringify([owner.list, owner.userId, cursor]))
    return new Uint8Array(await crypto.subtle.sign('HMAC', await key, message)).subarray(0, SIGNATURE_BYTES)
  }
  return {
    async seal(owner, cursor) {
      if (cursor === null) return null
      return `${base64url.encode(cursor)}.${base64url.encode(await sign(keys[0]!, owner, cursor))}`
    },
    async open(owner, sealed) {
      const [cursor, signature] = decode(sealed)
      for (const key of keys) if (isSameBytes(await sign(key, owner, cursor), signature)) return cursor
      throw notOurs()
    },
  }
}

function decode(sealed: string): [cursor: string, signature: Uint8Array] {
  if (sealed.length > CURSOR_MAX_CHARACTERS) throw notOurs()
  const [cursor = '', signature = ''] = sealed.split('.')
  try {
    return [new TextDecoder().decode(base64url.decode(cursor)), base64url.decode(signature)]
  } catch {
    throw notOurs()
  }
}

async function importKey(secret: string): Promise<CryptoKey> {
  const bytes = await deriveKey(secret, 'cursors')
  return crypto.subtle.importKey('raw', bytes, { name: 'HMAC', hash: 'SHA-256' }, false, ['sign'])
}

function notOurs(): SafelightError {
  const fields = [{ path: 'cursor', message: 'must be the nextCursor of the page before' }]
  return new SafelightError('invalid_input', 'cursor must be the nextCursor of the page before.', { fields })
}
