/** Signing in and out. */
import { SafelightError } from '@safelight/core'
import { createRoute, z } from '@hono/zod-openapi'
import type { Context } from 'hono'
import { signInFirst } from '../auth/callers.ts'
import { isSameSecret } from '../auth/secrets.ts'
import type { AppEnv } from '../context.ts'
import { isDirectFromThisMachine, peerOf } from '../http/hosts.ts'
import { jsonBody } from '../http/json-body.ts'
import { refuseForeignWrites } from '../http/origins.ts'
import { notFound } from '../http/problems.ts'
import type { Services } from '../services.ts'
import { UserSchema } from '../shapes/schemas.ts'
import { answer, bodyOf, newRoutes, refusals } from './common.ts'

/** Somebody at the keyboard who does not say who they are. */
const NAMELESS_EMAIL = 'you@localhost'
const GUESSES = { max: 10, windowSeconds: 60 }

const email = z
  .string('must be text')
  .trim()
  .max(254, 'must be at most 254 characters')
  .regex(/^[^\s@\p{C}]{1,64}@[^\s@\p{C}]{1,190}$/u, 'must be an e-mail address')
  .optional()
const SessionAnswer = z.object({ user: UserSchema.nullable(), methods: z.array(z.enum(['local', 'google', 'email'])) })
const SignedInAnswer = z.object({ user: UserSchema, accessToken: z.string(), expiresAt: z.string() })

export function sessionRoutes(services: Services) {
  const routes = newRoutes()
  addSession(routes, services)
  if (!services.options.authenticate) addLocalSignIn(routes, services)
  return routes
}

type Routes = ReturnType<typeof newRoutes>

function addSession(routes: Routes, { callers, options }: Services): void {
  const session = createRoute({
    method: 'get',
    path: '/api/session',
    summary: 'Whether you are signed in, and how you could be',
    responses: { 200: answer('The user is null where nobody is signed in.', SessionAnswer) },
  })
  const signOut = createRoute({
    method: 'post',
    path: '/auth/sign-out',
    summary: 'Forget the session cookie',
    responses: { 204: { description: 'Signed out.' }, ...refusals },
  })
  routes.openapi(session, async c => {
    const caller = await callers.find(c).catch((error: unknown) => {
      if (SafelightError.is(error, 'unauthenticated')) return null
      throw error
    })
    const methods = mayUseLocal(c, options.localPassword) && !options.authenticate ? (['local'] as const) : []
    return c.json({ user: caller?.user ?? null, methods: [...methods] }, 200)
  })
  routes.openapi(signOut, c => {
    refuseForeignWrites(c, options.publicUrl, c.req.header('Cookie') !== undefined)
    callers.forget(c)
    return c.body(null, 204)
  })
}

function addLocalSignIn(routes: Routes, services: Services): void {
  const { studio, callers, limits, options } = services
  const { localPassword, publicUrl } = options
  const body = localPassword === undefined ? bodyOf({ email }) : bodyOf({ email, password: z.string('must be text') })
  const signIn = createRoute({
    method: 'post',
    path: '/auth/local',
    summary: 'Sign in on this machine; the first call for an e-mail makes the account',
    middleware: [jsonBody({ maxBytes: limits.jsonMaxBytes, optional: true })],
    request: { body: { content: { 'application/json': { schema: body } } } },
    responses: { 200: answer('Signed in.', SignedInAnswer), ...refusals },
  })
  // Elsewhere there is no such address, whatever the body looks like.
  routes.post('/auth/local', async (c, next) => {
    if (!mayUseLocal(c, localPassword)) return notFound(c)
    refuseForeignWrites(c, publicUrl, false)
    return next()
  })
  routes.openapi(signIn, async c => {
    const given: { email?: string | undefined; password?: string } = c.req.valid('json')
    if (localPassword !== undefined) await checkPassword(c, services, given.password ?? '', localPassword)
    const user = await studio.database.users.signIn(given.email ?? NAMELESS_EMAIL)
    return c.json(await callers.admit(c, user), 200)
  })
}

function mayUseLocal(c: Context<AppEnv>, localPassword: string | undefined): boolean {
  return localPassword !== undefined || isDirectFromThisMachine(c)
}

async function checkPassword(
  c: Context<AppEnv>,
  { studio, addressOf }: Services,
  given: string,
  expected: string,
): Promise<void> {
  const key = `sign-in:${addressOf(c) ?? peerOf(c) ?? 'unknown'}`
  const { allowed, retryAfterSeconds, limits } = await studio.database.limiter.take([
    { key, name: 'sign-in', ...GUESSES },
  ])
  if (!allowed) {
    const message = `Only ${GUESSES.max} sign-ins in ${GUESSES.windowSeconds} s are allowed; try again in ${retryAfterSeconds} s.`
    throw new SafelightError('rate_limited', message, { retryAfterSeconds, limits })
  }
  if (!(await isSameSecret(given, expected))) throw signInFirst('The password does not match.')
}
