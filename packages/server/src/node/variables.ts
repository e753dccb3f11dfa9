/** What single variables of the environment may look like. */
import { decodeJwt } from 'jose'
import { z } from 'zod'
import { parseTrustedProxies } from '../http/addresses.ts'

/** A shape, and how a person is told what it is. */
export interface Variable<Value> {
  shape: z.ZodType<Value>
  /** Completes "NAME must be …". */
  mustBe: string
}

const LOOPBACK_HOSTS: ReadonlySet<string> = new Set(['localhost', '127.0.0.1', '[::1]'])

function variable<Value>(mustBe: string, shape: z.ZodType<Value>): Variable<Value> {
  return { shape, mustBe }
}

function text(mustBe: string, fits: RegExp): Variable<string> {
  return variable(mustBe, z.string().regex(fits))
}

function url(mustBe: string, fits: (parsed: URL) => boolean): Variable<string> {
  return variable(
    mustBe,
    z.string().refine(value => URL.canParse(value) && fits(new URL(value))),
  )
}

function whole(min: number, max: number, what: string): Variable<number> {
  const shape = z
    .string()
    .regex(/^\d{1,6}$/)
    .transform(Number)
    .pipe(z.int().min(min).max(max))
  return variable(`${what} from ${min} to ${max}`, shape)
}

/** Nothing but scheme, host and port. */
function isOrigin({ origin, href, protocol }: URL): boolean {
  return (protocol === 'http:' || protocol === 'https:') && href === `${origin}/`
}

export const port = whole(0, 65_535, 'a port')
export const seconds = whole(0, 600, 'seconds')
export const flag = variable(
  '1, or not set',
  z.enum(['0', '1']).transform(value => value === '1'),
)
export const host = text('an address or a host name to listen on', /^[\w.:-]{1,253}$/)
export const path = text('a path', /^[^\0]{1,4096}$/)
export const word = text('text without spaces', /^[\x21-\x7e]{1,1000}$/)
export const secret = text('at least 32 characters', /^[\x20-\x7e]{32,1000}$/)
export const shortSecret = text('at least 16 characters without spaces', /^[\x21-\x7e]{16,1000}$/)
export const password = text('at least 12 characters', /^[^\p{Cc}]{12,200}$/u)
export const token = text('the key as the provider shows it, without spaces', /^[\x21-\x7e]{1,1000}$/)
export const blobToken = text('a token that begins with vercel_blob_rw_', /^vercel_blob_rw_\w+$/)

export const origin = url('an origin such as https://pictures.example', isOrigin)
export const apiBase = url('an http or https URL', ({ protocol, username, password: pass }) => {
  return (protocol === 'http:' || protocol === 'https:') && username === '' && pass === ''
})
export const supabaseUrl = url(
  'the https URL of a project, such as https://abc.supabase.co (http only on this machine)',
  ({ protocol, hostname, pathname, search, hash, username, password: pass }) => {
    const isFine = protocol === 'https:' || (protocol === 'http:' && LOOPBACK_HOSTS.has(hostname))
    return isFine && !/\/v1\b/.test(pathname) && `${search}${hash}${username}${pass}` === ''
  },
)
export const supabasePublicKey = supabaseKey(
  'the public key of the project: it begins with sb_publishable_, or is the token of the role anon',
  key => key.startsWith('sb_publishable_') || roleOf(key) === 'anon',
)
export const supabaseSecretKey = supabaseKey(
  'the secret key of the project: it begins with sb_secret_, or is the token of the role service_role',
  key => key.startsWith('sb_secret_') || roleOf(key) === 'service_role',
)
export const supabaseJwtSecret = text('the JWT secret of the project, at least 32 characters', /^[\x20-\x7e]{32,1000}$/)
export const postgresUrl = url(
  'a URL such as postgres://user:password@host:5432/database',
  ({ protocol, hostname, pathname }) => {
    return (protocol === 'postgres:' || protocol === 'postgresql:') && (hostname !== '' || pathname.length > 1)
  },
)
export const trustedProxies = variable(
  'addresses, CIDR ranges, "loopback" or "private", separated by commas, or a number of proxies from 1 to 16',
  z.string().refine(value => parseTrustedProxies(value) !== null),
)
export const origins = variable(
  'origins such as https://pictures.example, separated by commas',
  list(z.string().refine(value => URL.canParse(value) && isOrigin(new URL(value)) && !value.endsWith('/'))),
)
export const emails = variable('e-mail addresses, separated by commas', list(z.string().regex(/^[^\s@]+@[^\s@]+$/)))

/** Keys of a project are told apart by how they begin, older ones by the role that they are a token of. */
function supabaseKey(mustBe: string, fits: (key: string) => boolean): Variable<string> {
  return variable(
    mustBe,
    z
      .string()
      .regex(/^[\x21-\x7e]{20,2000}$/)
      .refine(fits),
  )
}

function roleOf(key: string): unknown {
  try {
    return decodeJwt(key)['role']
  } catch {
    return undefined // no token at all
  }
}

function list(item: z.ZodType<string, string>): z.ZodType<string[]> {
  return z
    .string()
    .transform(value => value.split(',').map(part => part.trim()))
    .pipe(z.array(item))
}
