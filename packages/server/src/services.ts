/** What the routes share. */
import { limitsOf, type Limit, type SettingsValues, type Studio } from '@safelight/core'
import type { Context } from 'hono'
import { createCallers, type Callers } from './auth/callers.ts'
import { createKeptSessions } from './auth/kept-sessions.ts'
import { createSessions } from './auth/sessions.ts'
import { cached } from './cache.ts'
import type { AppEnv } from './context.ts'
import { createEventHub, type EventHub } from './events/hub.ts'
import { addressGroup, clientAddress, parseTrustedProxies } from './http/addresses.ts'
import { createCursors, type Cursors } from './http/cursors.ts'
import { createGate, type Gate } from './http/gate.ts'
import { hasForwardingHeader, peerOf } from './http/hosts.ts'
import { describe } from './http/problems.ts'
import { createReferences, type References } from './http/references.ts'
import { defaultLimits, troubleToConsole, type Log, type ServerLimits, type ServerOptions } from './options.ts'
import { createUpkeep, type UpkeepRunner } from './upkeep/upkeep.ts'

/** As old as a copy of the settings or of a user may be. */
const COPY_SECONDS = 5
const USERS_KEPT = 1000
const JOBS_PER_ADVANCE = 3

export interface Services {
  studio: Studio
  options: ServerOptions
  limits: ServerLimits
  log: Log
  callers: Callers
  cursors: Cursors
  references: References
  hub: EventHub
  uploads: Gate
  stopping: AbortSignal
  /** Null for a database that goes with its process. */
  upkeep: UpkeepRunner | null
  /** A copy, at most five seconds old. */
  settings(): Promise<SettingsValues>
  /** What the caller is counted under, where that is known. */
  addressOf(c: Context<AppEnv>): string | null
  limitsOf(c: Context<AppEnv>, userId: string): Promise<Limit[]>
  /** Lets a few due jobs go on, in the background: whoever comes by turns the crank. */
  advance(): void
}

export function createServices(studio: Studio, options: ServerOptions): Services {
  const limits = { ...defaultLimits, ...options.limits }
  const log = options.log ?? troubleToConsole
  const secrets = secretsOf(options)
  const { users } = studio.database
  const { sessionSeconds } = limits
  const { people } = options.signIn ?? {}
  const callers = createCallers({
    sessions: createSessions(secrets, sessionSeconds),
    findUser: cached({ seconds: COPY_SECONDS, max: USERS_KEPT }, id => users.find(id)),
    authenticate: options.authenticate,
    signIn: options.signIn,
    kept: people && createKeptSessions(secrets, people, sessionSeconds),
    publicUrl: options.publicUrl,
    sessionSeconds,
  })
  const readSettings = cached({ seconds: COPY_SECONDS, max: 1 }, () => studio.database.settings.read())
  const settings = () => readSettings('settings')
  const addressOf = createAddressOf(options.trustedProxies, log)
  return {
    studio,
    options,
    limits,
    log,
    callers,
    cursors: createCursors(secrets),
    references: createReferences(secrets),
    hub: createEventHub(studio, limits.streamsPerUser),
    uploads: createGate(limits.uploadsPerUser),
    stopping: options.stopping ?? new AbortController().signal,
    upkeep: createUpkeep(studio, log),
    settings,
    addressOf,
    limitsOf: async (c, userId) => limitsOf(await settings(), { userId, ip: addressOf(c) }),
    advance: createAdvance(studio, log),
  }
}

/** What signs first, then what still verifies. */
function secretsOf({ secret, oldSecret }: Pick<ServerOptions, 'secret' | 'oldSecret'>): [string, ...string[]] {
  return oldSecret === undefined ? [secret] : [secret, oldSecret]
}

function createAddressOf(trustedProxies: string | undefined, log: Log): Services['addressOf'] {
  const trust = trustedProxies === undefined ? null : parseTrustedProxies(trustedProxies)
  if (trustedProxies !== undefined && !trust) throw new Error('trustedProxies names something that is no address')
  let warned = false
  return c => {
    // Somebody is in between, and nobody said whom to believe: every caller would share that one address.
    if (!trust && hasForwardingHeader(c)) {
      const detail = 'set SAFELIGHT_TRUSTED_PROXIES to the proxies in front; until then nobody is limited by address'
      if (!warned) log('warn', 'a forwarding header arrived', { detail })
      warned = true
      return null
    }
    const address = clientAddress(peerOf(c), c.req.header('X-Forwarded-For'), trust)
    return address === null ? null : addressGroup(address)
  }
}

function createAdvance(studio: Studio, log: Log): () => void {
  let busy = false
  return () => {
    if (busy) return
    busy = true
    studio
      .sweep({ limit: JOBS_PER_ADVANCE })
      .catch((error: unknown) => log('error', 'advancing due jobs failed', describe(error)))
      .finally(() => (busy = false))
  }
}
