/** Coming in with e-mail and password where the sign-in is somebody else's; its tokens stay in the cookie, encrypted. */
import { ERRORS, SafelightError } from '@safelight/core'
import { createRoute, z } from '@hono/zod-openapi'
import type { Context } from 'hono'
import { signInFirst, signInUnavailable } from '../auth/callers.ts'
import { limitSignIns } from '../auth/guesses.ts'
import type { PeopleSignIn, SignInAnswer, SignInRefusal } from '../auth/sign-in.ts'
import type { AppEnv } from '../context.ts'
import { jsonBody } from '../http/json-body.ts'
import { refuseForeignWrites } from '../http/origins.ts'
import type { Services } from '../services.ts'
import { UserSchema } from '../shapes/schemas.ts'
import { answer, bodyOf, newRoutes, refusals } from './common.ts'

export const email = z
  .string('must be text')
  .trim()
  .max(254, 'must be at most 254 characters')
  .regex(/^[^\s@\p{C}]{1,64}@[^\s@\p{C}]{1,190}$/u, 'must be an e-mail address')
const password = z.string('must be text').min(1, 'must be given').max(200, 'must be at most 200 characters')

const SignedIn = z.object({ user: UserSchema })
const ToConfirm = z.object({ user: z.null(), detail: z.string() })
const CONFIRM = 'Follow the link in the e-mail that is on its way to you, then sign in.'

/** What is told for each; all of them name the field, but for what must not be told apart. */
const REFUSALS: Record<Exclude<SignInRefusal, 'wrong' | 'unconfirmed'>, { path: string; message: string }> = {
  taken: { path: 'email', message: 'has an account already: sign in with it' },
  weak: { path: 'password', message: 'is too easy to guess: take a longer one, with more kinds of characters' },
  unfit: { path: 'email', message: 'cannot be used with this password: give an address that can receive mail' },
  switched_off: { path: 'email', message: 'cannot be used here: coming in by e-mail is switched off' },
}

/** For a sign-in that lets people in through us. */
export function emailRoutes(services: Services, people: PeopleSignIn) {
  const routes = newRoutes()
  add(routes, services, { path: '/auth/email/sign-up', summary: 'Make an account', ask: people.signUp })
  add(routes, services, {
    path: '/auth/email/sign-in',
    summary: 'Sign in with e-mail and password',
    ask: people.signIn,
  })
  return routes
}

interface Way {
  path: string
  summary: string
  ask: PeopleSignIn['signIn']
}

function add(routes: ReturnType<typeof newRoutes>, services: Services, { path, summary, ask }: Way): void {
  const route = createRoute({
    method: 'post',
    path,
    summary,
    middleware: [
      async (c: Context<AppEnv>, next: () => Promise<void>) => {
        refuseForeignWrites(c, services.options.publicUrl, false)
        await next()
      },
      jsonBody({ maxBytes: services.limits.jsonMaxBytes }),
    ],
    request: { body: { content: { 'application/json': { schema: bodyOf({ email, password }) } } } },
    responses: {
      200: answer('Signed in; the session is in the cookie.', SignedIn),
      202: answer('An e-mail has to be confirmed first.', ToConfirm),
      ...refusals,
    },
  })
  routes.openapi(route, async c => {
    const given = c.req.valid('json')
    await limitSignIns(c, services, given.email)
    const answered = await ask(given)
    if (answered.status === 'confirm') return c.json({ user: null, detail: CONFIRM }, 202)
    if (answered.status === 'unavailable')
      services.log('warn', 'the sign-in gave no answer that could be used', { because: answered.because ?? null })
    if (answered.status !== 'signed_in') throw refusalOf(answered)
    return c.json({ user: await services.callers.keep(c, answered.session) }, 200)
  })
}

function refusalOf(answered: Exclude<SignInAnswer, { status: 'signed_in' | 'confirm' }>): SafelightError {
  if (answered.status === 'unavailable') return signInUnavailable()
  if (answered.status === 'limited') {
    const { retryAfterSeconds } = answered
    const message = `${ERRORS.rate_limited.title}: the sign-in takes no more now; try again in ${retryAfterSeconds} s.`
    return new SafelightError('rate_limited', message, { retryAfterSeconds })
  }
  const { reason } = answered
  if (reason === 'wrong') return signInFirst('The e-mail or the password does not match.')
  if (reason === 'unconfirmed')
    return signInFirst('The e-mail is not confirmed yet: follow the link that was sent to it.')
  const field = REFUSALS[reason]
  return new SafelightError('invalid_input', `${field.path} ${field.message}.`, { fields: [field] })
}
