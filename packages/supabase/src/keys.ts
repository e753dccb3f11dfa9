/** What a project's URL and keys look like, so that a mix-up is told at the start and not by a refusal in the night. */
import { decodeJwt } from 'jose'

const LOOPBACK = new Set(['localhost', '127.0.0.1', '[::1]'])

export function checkUrl(url: string): void {
  const { protocol = '', hostname = '' } = URL.canParse(url) ? new URL(url) : {}
  if (protocol === 'https:' || (protocol === 'http:' && LOOPBACK.has(hostname))) return
  throw new TypeError('The URL of a Supabase project must be an https URL (http only on this machine).')
}

/** Throws, without the key in the message, where the key cannot be one that may call our functions. */
export function checkSecretKey(key: string): void {
  if (/^sb_secret_\S+$/.test(key) || roleOf(key) === 'service_role') return
  const isPublic = key.startsWith('sb_publishable_') || roleOf(key) === 'anon'
  throw new TypeError(
    isPublic
      ? 'This is the public key of the Supabase project; its secret key (sb_secret_…, or service_role) is needed.'
      : 'This is no secret key of a Supabase project: it begins with sb_secret_, or is the service_role token.',
  )
}

/** Throws, without the key in the message, where the key is not the one that may be published. */
export function checkPublicKey(key: string): void {
  if (/^sb_publishable_\S+$/.test(key) || roleOf(key) === 'anon') return
  throw new TypeError(
    'This is no public key of a Supabase project: it begins with sb_publishable_, or is the anon token.',
  )
}

function roleOf(key: string): unknown {
  try {
    return decodeJwt(key)['role']
  } catch {
    return undefined // no token at all
  }
}
