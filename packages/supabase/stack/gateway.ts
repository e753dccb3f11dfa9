/** In front of a project: turns its keys into tokens, and adds to the sign-in's answers what hosted projects have. */
import { decodeJwt, SignJWT } from 'jose'
import type { Keys } from './keys.ts'

interface Behind {
  url: string
  keys: Keys
  auth(request: Request): Response | Promise<Response>
  restUrl: string
}

const AUTH = '/auth/v1'
const REST = '/rest/v1'

export function createGateway({ url, keys, auth, restUrl }: Behind): (request: Request) => Promise<Response> {
  return async request => {
    const { pathname, search } = new URL(request.url)
    if (pathname === `${AUTH}/.well-known/jwks.json`) return Response.json({ keys: [keys.publicKey] })
    if (pathname.startsWith(`${AUTH}/`)) return withClaims(await auth(withNewKey(request, keys)), `${url}${AUTH}`, keys)
    if (pathname.startsWith(`${REST}/`)) return rest(request, keys, restUrl + pathname.slice(REST.length) + search)
    return Response.json({ message: 'no Route matched with those values' }, { status: 404 })
  }
}

/** The sign-in here knows the new keys alone; that of hosted projects takes the old ones too. */
function withNewKey(request: Request, { anonKey, publishableKey, serviceRoleKey, secretKey }: Keys): Request {
  const apiKey = request.headers.get('apikey')
  const known = apiKey === anonKey ? publishableKey : apiKey === serviceRoleKey ? secretKey : null
  if (known === null) return request
  const headers = new Headers(request.headers)
  headers.set('apikey', known)
  return new Request(request, { headers })
}

async function rest(request: Request, { tokens }: Keys, to: string): Promise<Response> {
  const headers = new Headers(request.headers)
  const apiKey = headers.get('apikey') ?? ''
  const token = tokens.get(apiKey)
  if (token === undefined) return Response.json({ message: 'Invalid API key' }, { status: 401 })
  const bearer = headers.get('authorization')?.replace(/^Bearer /, '')
  // A key in the place of an access token stands for the key's own role.
  if (bearer === undefined || tokens.has(bearer))
    headers.set('authorization', `Bearer ${tokens.get(bearer ?? '') ?? token}`)
  for (const name of ['apikey', 'host', 'connection', 'content-length', 'transfer-encoding']) headers.delete(name)
  const hasBody = request.method !== 'GET' && request.method !== 'HEAD'
  const answer = await fetch(to, {
    method: request.method,
    headers,
    ...(hasBody ? { body: await request.arrayBuffer() } : {}),
  })
  const kept = new Headers(answer.headers)
  for (const name of ['transfer-encoding', 'content-encoding', 'content-length']) kept.delete(name)
  return new Response(answer.body, { status: answer.status, headers: kept })
}

/** The sign-in's tokens name no issuer; those of hosted projects do (supabase.com/docs/guides/auth/jwt-fields). */
async function withClaims(answer: Response, issuer: string, { jwtSecret }: Keys): Promise<Response> {
  if (!answer.headers.get('content-type')?.includes('json')) return answer
  const body = (await answer.json()) as { access_token?: string; session?: { access_token?: string } } | null
  for (const place of [body, body?.session]) {
    if (typeof place?.access_token !== 'string') continue
    const claims = { aal: 'aal1', amr: [], app_metadata: {}, user_metadata: {}, is_anonymous: false }
    const token = new SignJWT({ ...claims, ...decodeJwt(place.access_token), iss: issuer })
    place.access_token = await token
      .setProtectedHeader({ alg: 'HS256', typ: 'JWT' })
      .sign(new TextEncoder().encode(jwtSecret))
  }
  const headers = new Headers(answer.headers)
  headers.delete('content-length')
  return new Response(JSON.stringify(body), { status: answer.status, headers })
}
