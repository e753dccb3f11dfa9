/** From the environment to a studio with everything behind it: database, files, providers. */
import { join } from 'node:path'
import { createStudio, SafelightError, type ProviderOption, type Studio } from '@safelight/core'
import { files } from '@safelight/media/files'
import { demo } from '@safelight/providers/demo'
import type { Log } from '@safelight/server'
import type { Environment } from '@safelight/server/node'
import { openDatabase } from './databases.ts'
import { loadProviders, tellOfProviders, transportFor } from './providers.ts'
import { webhookUrlFrom } from './webhook-urls.ts'

/** Where things are in the data directory. */
const PLACES = { media: 'media', demo: 'demo' } as const

/** A studio, its schema checked and ready to be served. Throws a plain sentence where a part cannot be used. */
export async function assemble(environment: Environment, log: Log): Promise<Studio> {
  const media = files(join(environment.dataDirectory, PLACES.media))
  const database = await openDatabase(environment, log)
  try {
    await media.check()
    const providers: ProviderOption[] = [
      ...(await loadProviders(environment)),
      demo({ directory: join(environment.dataDirectory, PLACES.demo) }),
    ]
    const studio: Studio = createStudio({
      providers,
      tokens: environment.tokens,
      transport: transportFor(environment),
      webhookUrl: await webhookUrlFrom(environment),
      database,
      media,
      onTrouble: (error, { doing, jobId }) =>
        log('warn', 'trouble', { doing, jobId: jobId ?? null, error: safeWords(error) }),
    })
    tellOfProviders(studio, environment.tokens, log)
    return studio
  } catch (error) {
    await database.close()
    throw error
  }
}

/** A message of somebody else's may hold a key or a prompt, so only our own is repeated. */
function safeWords(error: unknown): string {
  if (SafelightError.is(error)) return error.message
  const { name, code } = error as { name?: unknown; code?: unknown }
  return [name, code].filter(word => typeof word === 'string').join(' ') || 'unknown'
}
