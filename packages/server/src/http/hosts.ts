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
 * `publicUrl` is for the one address that others are told to call: its own host will do there.
 */
export function onlyHere(publicUrl?: string) {
  const isPublic = publicUrl === undefined ? () => false : isHostOf(publicUrl)
  return createMiddleware<AppEnv>(async (c, next) => {
    if (namesOnly(c, host => isThisMachine(host) || isPublic(host))) return next()
    const message = 'This server answers only as localhost, 127.0.0.1 or [::1].'
    return problem(c, new SafelightError('cross_origin', message), 421)
  })
}

export function namesThisMachine(c: Context<AppEnv>): boolean {
  return namesOnly(c, isThisMachine)
}

function namesOnly(c: Context<AppEnv>, isFine: (host: string) => boolean): boolean {
  const sent = c.env?.incoming?.rawHeaders ?? []
  const hosts = sent.filter((header, index) => index % 2 === 0 && header.toLowerCase() === 'host')
  const host = c.req.header('Host') ?? new URL(c.req.url).host
  return hosts.length <= 1 && isFine(host) && isFine(new URL(c.req.url).host)
}

/** With or without the port that its scheme has anyway. */
function isHostOf(publicUrl: string): (host: string) => boolean {
  const { protocol, host } = new URL(publicUrl)
  return given => /^[\w.:[\]-]+$/.test(given) && URL.parse(`${protocol}//${given}`)?.host === host
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
