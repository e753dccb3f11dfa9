/** Where providers may call back. */
import type { StudioOptions } from '@safelight/core'
import { createReferences } from '@safelight/server'
import { baseUrlNamesOf, isLoopbackUrl, loadOrMakeSecret, type Environment } from '@safelight/server/node'

type WebhookUrl = NonNullable<StudioOptions['webhookUrl']>

/**
 * Null where nobody can reach us: jobs are then looked at. An address of this machine is of use only to what runs here too,
 * and a vendor may refuse a job for it.
 */
export async function webhookUrlFrom(environment: Environment): Promise<WebhookUrl> {
  const { publicUrl, secret, oldSecret, dataDirectory, baseUrls } = environment
  if (publicUrl === null) return () => null
  const isHere = isLoopbackUrl(publicUrl)
  if (!isHere && !publicUrl.startsWith('https:')) return () => null
  const first = secret ?? (await loadOrMakeSecret(dataDirectory))
  const references = createReferences(oldSecret === null ? [first] : [first, oldSecret])
  const reachesUs = (provider: string): boolean =>
    !isHere || baseUrlNamesOf(provider).some(name => isLoopbackUrl(baseUrls[name] ?? ''))
  return ({ provider, ...referent }) =>
    reachesUs(provider) ? `${publicUrl}/webhooks/${provider}/${references.seal(referent)}` : null
}
