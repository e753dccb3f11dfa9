/** Who stands on the other end, as far as the connection itself can say. */
import { SafelightError } from '@safelight/core'
import type { Context } from 'hono'
import { createMiddleware } from 'hono/factory'
import type { AppEnv } from '../context.ts'
import { problem } from './problems.ts'

const THIS_MACHINE = /^(localhost|127\.0\.0\.1|\[::1\])(:\d{1,5})?$/i
const LOOPBACK_PEER = /^(::ffff:)?127\.\d{1,3}\.\d{1,3}\.\d{1,3}$|^::1$/i
const FORWARDING = /^(forwarded|x-forwarded-.*|x-real-ip|via)$/i

/**
 * Local accounts belong to this machine, so another site's page must not reach them by letting its own name resolve to
 * 127.0.0.1 (DNS rebinding). The request line may name a host as well; both have to be ours, and there is one of each.
 */
export const onlyThisMachine = createMiddleware<AppEnv>(async (c, next) => {
  if (namesThisMachine(c)) return next()
  const message = 'This server answers only as localhost, 127.0.0.1 or [::1].'
  return problem(c, new SafelightError('cross_origin', message), 421)
})

export function namesThisMachine(c: Context<AppEnv>): boolean {
  const sent = c.env?.incoming?.rawHeaders ?? []
  const hosts = sent.filter((header, index) => index % 2 === 0 && header.toLowerCase() === 'host')
  const host = c.req.header('Host') ?? new URL(c.req.url).host
  return hosts.length <= 1 && isThisMachine(host) && isThisMachine(new URL(c.req.url).host)
}

export function isThisMachine(host: string): boolean {
  return THIS_MACHINE.test(host)
}

export function peerOf(c: Context<AppEnv>): string | null {
  return c.env?.incoming?.socket?.remoteAddress ?? null
}

/** From this machine, with nobody in between. */
export function isDirectFromThisMachine(c: Context<AppEnv>): boolean {
  return LOOPBACK_PEER.test(peerOf(c) ?? '') && namesThisMachine(c) && !hasForwardingHeader(c)
}

export function hasForwardingHeader(c: Context<AppEnv>): boolean {
  return Object.keys(c.req.header()).some(name => FORWARDING.test(name))
}
