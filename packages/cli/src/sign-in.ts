/** How people and programs come in where the environment names a Supabase project. */
import type { Log, SignIn } from '@safelight/server'
import type { Environment } from '@safelight/server/node'

/** Undefined where accounts are local. Loads nothing of Supabase there. */
export async function signInFor({ supabase }: Pick<Environment, 'supabase'>, log: Log): Promise<SignIn | undefined> {
  if (!supabase) return undefined
  const { accessTokens, projectSignIn } = await import('@safelight/supabase/people')
  const { url, publishableKey, jwtSecret } = supabase
  const onSharedSecretMissing = () =>
    log('warn', 'access token refused', {
      reason: 'It says that the project signed it with its shared secret (HS256), and SUPABASE_JWT_SECRET is not set.',
    })
  const tokens = accessTokens({ url, onSharedSecretMissing, ...(jwtSecret === null ? {} : { jwtSecret }) })
  return { verify: accessToken => tokens.verify(accessToken), people: projectSignIn({ url, publishableKey }) }
}
