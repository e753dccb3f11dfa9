/**
 * What stands in for a Supabase project in tests, as one process: PostgREST as it is, a sign-in that speaks Supabase's API,
 * and in front of both a gateway that knows the project's keys. The database is a real Postgres that others started.
 *
 *     node serve.ts <database URL, as superuser> <old | new>
 *
 * `old` and `new`: what a project grants by default on new tables and functions. New ones, and since 2026-10-30 all, grant
 * nothing, not even to `service_role` (supabase.com/changelog). Prints one line of JSON, the `Project`, and ends when its
 * standard input does.
 */
import { serve } from '@hono/node-server'
import { App, ConsoleEmailDriver } from '@supabase/lite'
import { createPostgresConnection } from '@supabase/lite/postgres'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { createGateway } from './gateway.ts'
import { createKeys, type Project } from './keys.ts'
import { startPostgrest } from './postgrest.ts'
import { prepareRoles } from './roles.ts'

const [databaseUrl = '', defaults = 'new'] = process.argv.slice(2)
if (!URL.canParse(databaseUrl) || (defaults !== 'old' && defaults !== 'new')) {
  throw new Error('Usage: serve.ts <database URL> <old | new>')
}

const keys = await createKeys()
const connection = createPostgresConnection({
  url: databaseUrl,
  postgresOptions: { max: 5, onnotice: () => undefined },
})
let gateway: (request: Request) => Promise<Response> = async () => new Response('Not yet', { status: 503 })
const server = serve({ port: 0, hostname: '127.0.0.1', fetch: request => gateway(request) })
await once(server, 'listening')
const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`

const auth = new App({
  connection,
  auth: {
    enabled: true,
    jwt_secret: keys.jwtSecret,
    site_url: url,
    additional_redirect_urls: ['http://127.0.0.1:*/**', 'http://localhost:*/**'],
    publishable_key: keys.publishableKey,
    secret_key: keys.secretKey,
    external: {
      google: { enabled: true, client_id: 'id', secret: 'secret', redirect_uri: `${url}/auth/v1/callback` },
    },
  },
  studio: { enabled: false },
  options: { drivers: { email: new ConsoleEmailDriver({ silent: true }) } },
})
await auth.ensureSystemSchema()
await prepareRoles(databaseUrl, defaults)
const postgrest = await startPostgrest(databaseUrl, keys)
gateway = createGateway({
  url,
  keys,
  auth: request => auth.fetch(request, { peerAddress: null }),
  restUrl: postgrest.url,
})

const { publishableKey, secretKey, anonKey, serviceRoleKey, jwtSecret, signingKey } = keys
const project: Project = { url, publishableKey, secretKey, anonKey, serviceRoleKey, jwtSecret, signingKey }
process.stdout.write(`${JSON.stringify(project)}\n`)
process.stdin.resume()
await once(process.stdin, 'end')
postgrest.stop()
process.exit()
