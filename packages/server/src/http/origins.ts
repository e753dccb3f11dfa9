/** Cross-site request forgery: whatever a browser sends along by itself is believed only from our own page. */
import { SafelightError } from '@safelight/core'
import type { Context } from 'hono'
import type { AppEnv } from '../context.ts'
import { isThisMachine } from './hosts.ts'

const SAFE_METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS'])

/**
 * Throws `cross_origin` for a write from another origin; where `mustSay`, also for one that does not say where it comes
 * from. `publicUrl` is our own origin where a proxy rewrites `Host`.
 */
export function refuseForeignWrites(c: Context<AppEnv>, publicUrl: string | undefined, mustSay: boolean): void {
  if (SAFE_METHODS.has(c.req.method)) return
  const site = c.req.header('Sec-Fetch-Site')
  const origin = c.req.header('Origin')
  const silent = site === undefined && origin === undefined
  const foreign =
    (site !== undefined && site !== 'same-origin') || (origin !== undefined && !isOurs(c, origin, publicUrl))
  if (foreign || (silent && mustSay)) {
    const message = silent
      ? 'A write with the session cookie has to say where it comes from (Origin); send a bearer token instead.'
      : 'Writes with the session cookie are accepted only from our own page.'
    throw new SafelightError('cross_origin', message)
  }
}

function isOurs(c: Context<AppEnv>, origin: string, publicUrl: string | undefined): boolean {
  if (!URL.canParse(origin)) return false
  const { host, protocol } = new URL(origin)
  const asked = c.req.header('Host')?.toLowerCase()
  if (publicUrl !== undefined && !isThisMachine(host)) return origin === new URL(publicUrl).origin
  // A proxy in front may end TLS, so the scheme we see says nothing.
  return (protocol === 'http:' || protocol === 'https:') && host === asked
}
