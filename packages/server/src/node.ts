/** The server on Node: everything that touches the process itself. */
import { describe } from './http/problems.ts'
import { jsonLines } from './node/log.ts'
import { startServer as start, type RunningServer, type StartOptions as Start } from './node/start.ts'
import {
  readEnvironment as read,
  readProviderVariables as readProviders,
  type Environment,
} from './node/environment.ts'
import type { ProviderVariables } from './node/provider-variables.ts'
import type { Log } from './options.ts'
import type { Model } from '@safelight/core'

export { makeDirectory } from './node/directory.ts'
export { loadOrMakeSecret } from './node/secret.ts'
export { jsonLines }
export type { RunningServer } from './node/start.ts'
export { baseUrlNamesOf, isLoopbackUrl, keyNameOf } from './node/provider-variables.ts'
export type { Environment, ProviderVariables }

/** Options of `startServer`. */
export interface StartOptions<Models extends Model = Model> extends Omit<Start<Models>, 'log'> {
  /** JSON lines on standard output where absent. */
  log?: Log
  /** Whether SIGTERM, SIGINT and errors that nobody caught end the server in good order. True by default. */
  ownsProcess?: boolean
}

/** Time for what still holds the process when everything is closed. */
const EXIT_SECONDS = 1

/** The environment of this process, or the given one. Throws an `Error` with one line for each problem. */
export function readEnvironment(variables: Readonly<Record<string, string | undefined>> = process.env): Environment {
  return read(variables)
}

/** Only what the environment of this process, or the given one, says about providers. Throws as `readEnvironment` does. */
export function readProviderVariables(
  variables: Readonly<Record<string, string | undefined>> = process.env,
): ProviderVariables & Pick<Environment, 'warnings'> {
  return readProviders(variables)
}

/**
 * Serves `studio` until the process is told to stop. Throws a plain sentence where the port is taken or the data directory
 * cannot be used.
 */
export async function startServer<Models extends Model>(options: StartOptions<Models>): Promise<RunningServer> {
  const { log = jsonLines(line => process.stdout.write(line)), ownsProcess = true, ...rest } = options
  const running = await start({ ...rest, log })
  if (ownsProcess) endWithProcess(running, log)
  return running
}

function endWithProcess(running: RunningServer, log: Log): void {
  const end = (exitCode: number) => {
    process.exitCode = exitCode
    void running.close().finally(() => setTimeout(() => process.exit(exitCode), EXIT_SECONDS * 1000).unref())
  }
  const onSignal = (signal: NodeJS.Signals) => {
    log('info', 'stopping', { signal })
    // Whoever asks twice does not want to wait.
    process.once(signal, () => process.exit(1))
    end(0)
  }
  const onCrash = (error: unknown) => {
    log('error', 'an error that nobody caught', describe(error))
    end(1)
  }
  // A promise that nobody waits for failed: nothing is left half done by it, so the server goes on.
  const onRejection = (error: unknown) => log('error', 'a rejection that nobody caught', describe(error))
  process.once('SIGTERM', onSignal)
  process.once('SIGINT', onSignal)
  process.once('uncaughtException', onCrash)
  process.on('unhandledRejection', onRejection)
  const letGo = () => {
    process.off('SIGTERM', onSignal)
    process.off('SIGINT', onSignal)
    process.off('uncaughtException', onCrash)
    process.off('unhandledRejection', onRejection)
  }
  void running.closed.finally(letGo)
}
