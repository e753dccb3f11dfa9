/** How people and programs come in where the environment names a Supabase project. */
import type { SignIn } from '@safelight/server'
import type { Environment } from '@safelight/server/node'

/** Undefined where accounts are local. Loads nothing of Supabase there. */
export async function signInFor({ supabase }: Pick<Environment, 'supabase'>): Promise<SignIn | undefined> {
  if (!supabase) return undefined
  const { accessTokens, projectSignIn } = await import('@safelight/supabase/people')
  const { url, publishableKey, jwtSecret } = supabase
  const tokens = accessTokens({ url, ...(jwtSecret === null ? {} : { jwtSecret }) })
  return { verify: accessToken => tokens.verify(accessToken), people: projectSignIn({ url, publishableKey }) }
}
