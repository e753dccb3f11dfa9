/** `safelight start`: the server and its page, on whatever the environment names, or on nothing but a folder. */
import { resolve } from 'node:path'
import { readEnvironment, startServer, type Environment, type RunningServer } from '@safelight/server/node'
import { assemble } from './assemble.ts'
import { EXIT, refuseWords, type Command } from './command.ts'
import { describePlace } from './databases.ts'
import { watchChannel, watchLauncher } from './launcher.ts'
import { createLog } from './log.ts'
import { pageDirectory } from './page.ts'
import { describeProviders } from './providers.ts'
import { announce } from './server-file.ts'
import { signInFor } from './sign-in.ts'

export const start: Command = {
  name: 'start',
  help: `Runs the server and its page. With no settings at all it needs nothing else: the database, the files
and a provider that draws are in this process and in the folder .safelight.

Usage: safelight start [--no-page]

  --no-page           the API alone

Settings are environment variables:
  PORT                where it listens (5000)
  HOST                the address it listens on (127.0.0.1; with Supabase 0.0.0.0)
  SAFELIGHT_DATA_DIR  the folder for everything it keeps (.safelight)
  DATABASE_URL        a Postgres, as in postgres://user:password@host:5432/name, instead of the one in the folder
  SUPABASE_URL, SUPABASE_PUBLISHABLE_KEY, SUPABASE_SECRET_KEY
                      a Supabase project: people sign in to it, and without DATABASE_URL everything is kept in it;
                      its older names do too (SUPABASE_ANON_KEY, SUPABASE_SERVICE_ROLE_KEY)
  SUPABASE_JWT_SECRET only for a project that still signs access tokens with it
  SAFELIGHT_SECRET    signs sessions: 32 characters or more; with DATABASE_URL or Supabase it has to be given
  FAL_KEY, WAVESPEED_API_TOKEN, HUGGINGFACE_API_TOKEN, REPLICATE_API_TOKEN, OPENAI_API_KEY,
  GEMINI_API_KEY, BFL_API_KEY, RUNWAYML_API_SECRET
                      keys of providers, whose models are then there; several as FAL_KEY_2, FAL_KEY_3 …
  SAFELIGHT_PUBLIC_URL, SAFELIGHT_TRUSTED_PROXIES, SAFELIGHT_CORS_ORIGINS
                      how people reach it, whose forwarding headers are believed, which other sites may call
  SAFELIGHT_LOCAL_AUTH=1 with SAFELIGHT_LOCAL_PASSWORD
                      opens the accounts of this machine to others who know the password
  SAFELIGHT_SWEEP_SECRET
                      who may call /internal/sweep
  SAFELIGHT_DRAIN_SECONDS
                      how long to wait for what is under way when stopping (10)

SIGTERM and Ctrl-C stop it in good order; open jobs go on at the next start.`,
  options: { 'no-page': { type: 'boolean' } },

  async run(line) {
    refuseWords(start, line)
    const environment = readEnvironment()
    const log = createLog(process.stdout)
    const page = line.options['no-page'] ? Promise.resolve(null) : pageDirectory(() => say('Building the page …'))
    // Waited for below; until then its failure is not lost, only later.
    page.catch(() => undefined)
    const studio = await assemble(environment, log)
    const running = await serve().catch(async (error: unknown) => {
      await studio.close()
      throw error
    })
    const withdraw = await announce(running, resolve(environment.dataDirectory), log)
    say(readyText(running, environment))
    stopWithLauncher(running)
    await running.closed
    await withdraw()
    return Number(process.exitCode ?? EXIT.done)

    async function serve(): Promise<RunningServer> {
      const directory = await page
      const signIn = await signInFor(environment, log)
      const options = { tokens: environment.tokens, ...(signIn ? { signIn } : {}) }
      return startServer({ studio, environment, log, options, ...(directory === null ? {} : { page: directory }) })
    }
  },
}

function readyText({ url }: RunningServer, environment: Environment): string {
  const rows = {
    page: url,
    data: describePlace(environment),
    from: describeProviders(environment.tokens),
    stop: 'Ctrl-C',
  }
  const lines = Object.entries(rows).map(([name, value]) => `  ${name}   ${value}\n`)
  return `\n  safelight is ready\n\n${lines.join('')}`
}

function stopWithLauncher(running: RunningServer): void {
  const stop = (): void => void running.close()
  const unwatch = [watchLauncher(stop), watchChannel(stop)]
  void running.closed.then(() => unwatch.forEach(end => end()))
}

function say(text: string): void {
  process.stdout.write(`${text}\n`)
}
