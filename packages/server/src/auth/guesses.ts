/** How often somebody may try to come in: whoever is behind us in the network sees only our address. */
import { SafelightError } from '@safelight/core'
import type { Context } from 'hono'
import type { AppEnv } from '../context.ts'
import { peerOf } from '../http/hosts.ts'
import type { Services } from '../services.ts'

const GUESSES = { max: 10, windowSeconds: 60 }

/** Throws `rate_limited` after too many tries from one address, or for one e-mail from anywhere. */
export async function limitSignIns(
  c: Context<AppEnv>,
  { studio, addressOf }: Pick<Services, 'studio' | 'addressOf'>,
  email?: string,
): Promise<void> {
  const keys = [addressOf(c) ?? peerOf(c) ?? 'unknown', ...(email === undefined ? [] : [await hashOf(email)])]
  const { allowed, retryAfterSeconds, limits } = await studio.database.limiter.take(
    keys.map(key => ({ key: `sign-in:${key}`, name: 'sign-in', ...GUESSES })),
  )
  if (allowed) return
  const message = `Only ${GUESSES.max} sign-ins in ${GUESSES.windowSeconds} s are allowed; try again in ${retryAfterSeconds} s.`
  throw new SafelightError('rate_limited', message, { retryAfterSeconds, limits })
}

/** Nobody reads in the limits who tried to come in. */
async function hashOf(email: string): Promise<string> {
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(email.toLowerCase()))
  return Array.from(new Uint8Array(digest), byte => byte.toString(16).padStart(2, '0')).join('')
}
