/** Signing in and out. */
import { SafelightError } from '@safelight/core'
import { createRoute, z } from '@hono/zod-openapi'
import type { Context } from 'hono'
import { signInFirst } from '../auth/callers.ts'
import { limitSignIns } from '../auth/guesses.ts'
import { isSameSecret } from '../auth/secrets.ts'
import type { AppEnv } from '../context.ts'
import { isDirectFromThisMachine } from '../http/hosts.ts'
import { jsonBody } from '../http/json-body.ts'
import { refuseForeignWrites } from '../http/origins.ts'
import { notFound } from '../http/problems.ts'
import type { Services } from '../services.ts'
import { UserSchema } from '../shapes/schemas.ts'
import { answer, bodyOf, newRoutes, refusals } from './common.ts'
import { email, emailRoutes } from './session-email.ts'

/** Somebody at the keyboard who does not say who they are. */
const NAMELESS_EMAIL = 'you@localhost'
const SessionAnswer = z.object({ user: UserSchema.nullable(), methods: z.array(z.enum(['local', 'google', 'email'])) })
const SignedInAnswer = z.object({ user: UserSchema, accessToken: z.string(), expiresAt: z.string() })

export function sessionRoutes(services: Services) {
  const routes = newRoutes()
  const { authenticate, signIn } = services.options
  addSession(routes, services)
  if (signIn?.people) routes.route('/', emailRoutes(services, signIn.people))
  // Elsewhere nobody answers to /auth/local, as to any other unknown address.
  if (!authenticate && !signIn) addLocalSignIn(routes, services)
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
    return c.json({ user: caller?.user ?? null, methods: methodsFor(c, options) }, 200)
  })
  routes.openapi(signOut, async c => {
    refuseForeignWrites(c, options.publicUrl, c.req.header('Cookie') !== undefined)
    await callers.forget(c)
    return c.body(null, 204)
  })
}

function methodsFor(c: Context<AppEnv>, options: Services['options']): ('local' | 'email')[] {
  if (options.authenticate) return []
  if (options.signIn) return options.signIn.people ? ['email'] : []
  return mayUseLocal(c, options.localPassword) ? ['local'] : []
}

function addLocalSignIn(routes: Routes, services: Services): void {
  const { studio, callers, limits, options } = services
  const { localPassword, publicUrl } = options
  const body =
    localPassword === undefined
      ? bodyOf({ email: email.optional() })
      : bodyOf({ email: email.optional(), password: z.string('must be text') })
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

async function checkPassword(c: Context<AppEnv>, services: Services, given: string, expected: string): Promise<void> {
  await limitSignIns(c, services)
  if (!(await isSameSecret(given, expected))) throw signInFirst('The password does not match.')
}
