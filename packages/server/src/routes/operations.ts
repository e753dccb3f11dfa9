/** For whoever runs the server: is it alive, is it ready, go on. */
import type { MediaStore } from '@safelight/core'
import { createRoute, z } from '@hono/zod-openapi'
import { createMiddleware } from 'hono/factory'
import { bearerOf, signInFirst } from '../auth/callers.ts'
import { isSameSecret } from '../auth/secrets.ts'
import { cached } from '../cache.ts'
import type { AppEnv } from '../context.ts'
import { describe, notFound } from '../http/problems.ts'
import type { Services } from '../services.ts'
import { sweepUpkeep } from '../upkeep/upkeep.ts'
import { answer, newRoutes, refusals } from './common.ts'

const CHECK_SECONDS = { timeout: 5, kept: 1, tokensKept: 15 }
const SWEEP_LIMIT = 100
/** Nobody has more keys than this in use. */
const TOKENS_MAX = 1000

const Part = z.enum(['ok', 'failing'])
const Ready = z.object({
  ready: z.boolean(),
  stopping: z.boolean(),
  parts: z.object({ database: Part, storage: Part, tokens: Part }),
})

export function operationRoutes(services: Services) {
  const routes = newRoutes()
  addHealth(routes, services)
  addSweep(routes, services)
  return routes
}

type Routes = ReturnType<typeof newRoutes>

function addHealth(routes: Routes, services: Services): void {
  const alive = createRoute({
    method: 'get',
    path: '/healthz',
    summary: 'Is the process alive',
    responses: { 200: answer('It is.', z.object({ status: z.literal('ok') })) },
  })
  const ready = createRoute({
    method: 'get',
    path: '/readyz',
    summary: 'Can it do its work',
    responses: { 200: answer('Everything answers.', Ready), 503: answer('Not now; a part says why.', Ready) },
  })
  const lost = cached({ seconds: CHECK_SECONDS.tokensKept, max: 1 }, () => lostTokens(services))
  const check = cached({ seconds: CHECK_SECONDS.kept, max: 1 }, () => checkParts(services, () => lost('tokens')))
  routes.openapi(alive, c => c.json({ status: 'ok' } as const, 200))
  routes.openapi(ready, async c => {
    const parts = await check('parts')
    const stopping = services.stopping.aborted
    const isReady = !stopping && Object.values(parts).every(part => part === 'ok')
    return c.json({ ready: isReady, stopping, parts }, isReady ? 200 : 503)
  })
}

async function checkParts({ studio, log }: Services, lost: () => Promise<readonly string[]>) {
  const stateOf = async (part: string, answers: Promise<unknown>): Promise<z.infer<typeof Part>> => {
    let timer: ReturnType<typeof setTimeout> | undefined
    const timeout = new Promise((_, reject) => {
      timer = setTimeout(() => reject(new Error('no answer in time')), CHECK_SECONDS.timeout * 1000)
    })
    try {
      await Promise.race([answers, timeout])
      return 'ok'
    } catch (error) {
      log('error', 'a part does not answer', { part, ...describe(error) })
      return 'failing'
    } finally {
      clearTimeout(timer)
    }
  }
  const [database, storage] = await Promise.all([
    stateOf('database', studio.database.check()),
    stateOf('storage', checkStorage(studio.media)),
  ])
  // Where the database does not answer, nobody knows; that is said already.
  const vanished = database === 'ok' ? await lost().catch(() => []) : []
  return { database, storage, tokens: vanished.length > 0 ? ('failing' as const) : ('ok' as const) }
}

/** Labels of tokens that open jobs still need and this process was not given. */
async function lostTokens({ studio, options, log }: Services): Promise<string[]> {
  const { tokens } = options
  if (!tokens) return []
  const known = new Set(tokens.map(({ provider, label }) => `${provider}/${label}`))
  const inUse = (await studio.database.jobs.tokensInUse?.(TOKENS_MAX)) ?? []
  // A provider that needs no key has a token of its own name.
  const lost = inUse
    .filter(({ provider, token }) => token !== provider && !known.has(`${provider}/${token}`))
    .map(({ token }) => token)
  for (const token of lost) log('error', 'open jobs need a token that is not there', { token })
  return lost
}

/** A store that can prove more than that it answers does so. */
function checkStorage(media: MediaStore & { check?(): Promise<void> }): Promise<unknown> {
  return media.check ? media.check() : media.find('readyz/')
}

function addSweep(routes: Routes, { studio, options, upkeep, stopping }: Services): void {
  const onlyWithSecret = createMiddleware<AppEnv>(async (c, next) => {
    if (options.sweepSecret === undefined) return notFound(c)
    const header = c.req.header('Authorization')
    if (header === undefined) throw signInFirst('Send Authorization: Bearer <sweep secret>.')
    if (!(await isSameSecret(bearerOf(header), options.sweepSecret)))
      throw signInFirst('The sweep secret does not match.')
    return next()
  })
  for (const method of ['get', 'post'] as const) {
    const route = createRoute({
      method,
      path: '/internal/sweep',
      summary: 'Let due jobs go on',
      security: [{ sweep: [] }],
      middleware: onlyWithSecret,
      responses: { 200: answer('How many were due.', z.object({ advanced: z.int() })), ...refusals },
    })
    routes.openapi(route, async c => {
      const advanced = await studio.sweep({ limit: SWEEP_LIMIT })
      await sweepUpkeep(upkeep, stopping)
      return c.json({ advanced }, 200)
    })
  }
}
