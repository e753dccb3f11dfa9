/** The session cookie: read, written, and renewed on whatever answer comes next. */
import type { Context } from 'hono'
import { generateCookie, getCookie, setCookie } from 'hono/cookie'
import { createMiddleware } from 'hono/factory'
import type { AppEnv } from '../context.ts'
import { isThisMachine } from '../http/hosts.ts'

const COOKIE = 'safelight_session'

export function readCookie(c: Context<AppEnv>): string | undefined {
  return (isSecure(c) ? getCookie(c, COOKIE, 'host') : getCookie(c, COOKIE)) || undefined
}

export function writeCookie(c: Context<AppEnv>, value: string, maxAge: number): void {
  setCookie(c, COOKIE, value, attributesFor(c, maxAge))
}

/** Puts a cookie that was renewed on the way in on the answer, whoever made that and however it came to be. */
export const renewedCookie = (maxAge: number) =>
  createMiddleware<AppEnv>(async (c, next) => {
    await next()
    const value = c.var.renewedCookie
    if (value === undefined || c.res.headers.has('Set-Cookie')) return
    c.res.headers.append('Set-Cookie', generateCookie(COOKIE, value, attributesFor(c, maxAge)))
  })

function attributesFor(c: Context<AppEnv>, maxAge: number) {
  const prefix = isSecure(c) ? ({ prefix: 'host', secure: true } as const) : {}
  return { path: '/', httpOnly: true, sameSite: 'Lax', maxAge, ...prefix } as const
}

/** `Secure` (and `__Host-`) everywhere but on this machine, where there may be no TLS to send it over. */
function isSecure(c: Context<AppEnv>): boolean {
  return !isThisMachine(c.req.header('Host') ?? '')
}
