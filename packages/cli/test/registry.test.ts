/** `safelight registry` against vendors that say what the test lets them say. */
import { createServer, type IncomingMessage } from 'node:http'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Model } from '@safelight/core'
import { falModels } from '@safelight/providers/fal'
import { usesOf } from '@safelight/providers/registry'
import { replicateModels } from '@safelight/providers/replicate'
import { wavespeedModels } from '@safelight/providers/wavespeed'
import { describe, expect, it, onTestFinished } from 'vitest'
import { emptyFolder, safelight } from './processes.ts'
import { startSimulators } from './simulated.ts'

const ANYTHING = { type: 'object', additionalProperties: true }
const endpointsOf = (models: readonly Model[], provider: string) =>
  usesOf(models, [provider]).map(({ endpoint }) => endpoint)
const [goneAtFal = ''] = endpointsOf(falModels, 'fal')

interface Vendors {
  env: Record<string, string>
  asked: { path: string; authorization: string | undefined }[]
}
type Answer = { status?: number; json?: unknown; html?: string } | undefined

/** Three vendors at one address. `say` answers before them. */
async function vendors(say: (path: string, request: IncomingMessage) => Answer = () => undefined): Promise<Vendors> {
  const asked: Vendors['asked'] = []
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? '/', 'http://127.0.0.1')
    asked.push({ path: url.pathname, authorization: request.headers.authorization })
    const answer = say(url.pathname + url.search, request) ?? wellSaid(url)
    const { status = 200, json, html } = answer ?? { status: 404, json: { detail: 'Not found' } }
    response.writeHead(status, { 'content-type': html === undefined ? 'application/json' : 'text/html' })
    response.end(html ?? JSON.stringify(json))
  }).listen(0, '127.0.0.1')
  onTestFinished(() => void server.close())
  await once(server, 'listening')
  const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const keys = {
    FAL_KEY: 'sentinel-fal',
    WAVESPEED_API_TOKEN: 'sentinel-wavespeed',
    REPLICATE_API_TOKEN: 'sentinel-r8',
  }
  return { env: { FAL_BASE_URL: base, WAVESPEED_BASE_URL: base, REPLICATE_BASE_URL: base, ...keys }, asked }
}

/** Everything is as we take it to be. */
function wellSaid({ pathname, searchParams }: URL): Answer {
  if (pathname === '/api/openapi/queue/openapi.json')
    return { json: openapi(searchParams.get('endpoint_id') ?? '', ANYTHING) }
  if (pathname === '/v1/models/pricing') {
    const prices = searchParams.getAll('endpoint_id').map(id => ({ endpoint_id: id, unit_price: 0.05, unit: 'image' }))
    return { json: { prices } }
  }
  if (pathname === '/api/v3/models') {
    const models = endpointsOf(wavespeedModels, 'wavespeed').map(id => wavespeedModel(id, ANYTHING))
    return { json: { code: 200, data: models } }
  }
  if (pathname.startsWith('/v1/models/'))
    return { json: { latest_version: { openapi_schema: { components: { schemas: { Input: ANYTHING } } } } } }
  return undefined
}

const openapi = (endpoint: string, schema: object) => ({
  paths: { [`/${endpoint}`]: { post: { requestBody: { content: { 'application/json': { schema } } } } } },
})
const wavespeedModel = (id: string, schema: object) => ({
  model_id: id,
  base_price: 0.01,
  api_schema: { api_schemas: [{ type: 'model_run', request_schema: schema }] },
})
const run = async (args: string[], env: Record<string, string>, cwd?: string) =>
  safelight(['registry', ...args], { cwd: cwd ?? (await emptyFolder()), env }).ended

describe('safelight registry sync', () => {
  it('finds nothing where nothing has drifted, and brings each key to its vendor alone', async () => {
    const { env, asked } = await vendors()
    const { code, stdout, stderr } = await run(['sync'], env)
    expect({ code, stderr }).toEqual({
      code: 0,
      stderr: expect.stringMatching(/^\d+ endpoints compared, no drift\.\n$/),
    })
    expect(stdout).toMatch(/^provider +endpoint +price\n─/)
    expect(stdout).toContain('0.05 USD per image')
    const keyAt = (path: string) => [
      ...new Set(asked.filter(each => each.path === path).map(each => each.authorization)),
    ]
    expect(keyAt('/api/openapi/queue/openapi.json')).toEqual([undefined])
    expect(keyAt('/v1/models/pricing')).toEqual(['Key sentinel-fal'])
    expect(keyAt('/api/v3/models')).toEqual(['Bearer sentinel-wavespeed'])
    const others = asked.filter(({ path }) => /^\/v1\/models\/(?!pricing)/.test(path))
    expect(new Set(others.map(({ authorization }) => authorization))).toEqual(new Set(['Bearer sentinel-r8']))
  })

  it('tells what has drifted, as a table and as JSON, and says so with its exit code', async () => {
    const narrow = {
      type: 'object',
      required: ['prompt', 'licence'],
      properties: { prompt: { type: 'string' }, size: { enum: ['1024*1024'] } },
    }
    const { env } = await vendors(path => {
      if (path.includes(encodeURIComponent(goneAtFal)))
        return path.startsWith('/v1/') ? undefined : { status: 404, json: { detail: 'no' } }
      if (path !== '/api/v3/models') return undefined
      const models = endpointsOf(wavespeedModels, 'wavespeed').map(id =>
        wavespeedModel(id, id === 'wavespeed-ai/flux-schnell' ? narrow : ANYTHING),
      )
      return { json: { code: 200, data: models } }
    })
    const shown = await run(['sync'], env)
    expect(shown.code).toBe(1)
    expect(shown.stdout).toMatch(new RegExp(`^fal +${goneAtFal} +.*endpoint gone +is not listed any more$`, 'm'))
    const { code, stdout } = await run(['sync', '--json'], env)
    expect(code).toBe(1)
    const { findings } = JSON.parse(stdout) as {
      findings: { endpoint: string; problem: string; field: string; models: string[] }[]
    }
    const told = findings.filter(({ endpoint }) => endpoint === 'wavespeed-ai/flux-schnell')
    expect(told.map(({ problem, field }) => `${problem} ${field}`)).toEqual(
      expect.arrayContaining(['missing_field licence', 'unknown_field seed', 'value_refused size']),
    )
    expect(told[0]?.models).toEqual(['flux-schnell'])
  })

  it('tells of prices that changed since an earlier answer', async () => {
    const cwd = await emptyFolder()
    const first = await vendors()
    await writeFile(join(cwd, 'before.json'), (await run(['sync', '--json'], first.env)).stdout)
    const same = await run(['sync', '--json', '--since', 'before.json'], first.env, cwd)
    expect(same.code).toBe(0)
    const dearer = await vendors(path =>
      path.startsWith('/v1/models/pricing')
        ? { json: { prices: [{ endpoint_id: goneAtFal, unit_price: 0.1, unit: 'image' }] } }
        : undefined,
    )
    const { code, stdout } = await run(['sync', '--since', 'before.json'], dearer.env, cwd)
    expect(code).toBe(1)
    expect(stdout).toContain('costs 0.1 USD per image, and cost 0.05 USD per image')
    await writeFile(join(cwd, 'other.json'), '[1]')
    expect(await run(['sync', '--since', 'other.json'], first.env, cwd)).toMatchObject({ code: 2, stdout: '' })
  })

  it('says what could not be read, which proves nothing, and never a key', async () => {
    const page = '<html>502 sentinel-fal sentinel-wavespeed</html>'
    const { env } = await vendors(path =>
      path.startsWith('/v1/models/pricing') ? undefined : { status: 502, html: page },
    )
    const { code, stdout, stderr } = await run(['sync'], env)
    expect(code).toBe(1)
    expect(stderr).toMatch(/^\d+ of fal could not be compared: it was answered with status 502\.$/m)
    expect(stderr).toMatch(/^\d+ of wavespeed could not be compared: .*status 502\.$/m)
    expect(stdout + stderr).not.toMatch(/sentinel|endpoint gone/)
    const nobody = await run(['sync'], { FAL_BASE_URL: 'http://127.0.0.1:9', FAL_KEY: 'sentinel' })
    expect(nobody).toMatchObject({ code: 1, stderr: expect.stringContaining('127.0.0.1:9 does not answer') as string })
    expect(nobody.stderr).toContain('wavespeed was not asked: set WAVESPEED_API_TOKEN.')
  })

  it('does not take a list that is empty, or a place where nothing is, for endpoints that are gone', async () => {
    const { env } = await vendors(() => ({ status: 404, json: { detail: 'Not found' } }))
    const { code, stdout } = await run(['sync', '--json'], env)
    expect(code).toBe(1)
    expect(JSON.parse(stdout)).toMatchObject({ findings: [], checked: 0 })
  })
})

describe('safelight registry sync against the simulators', () => {
  it('reads every endpoint of all three, with prices, and finds no drift', async () => {
    const { env } = await startSimulators()
    const { code, stdout, stderr } = await run(['sync', '--json'], env)
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    const report = JSON.parse(stdout) as { checked: number; prices: Record<string, { unit: string }> }
    const used = [
      ...usesOf(falModels, ['fal']),
      ...usesOf(wavespeedModels, ['wavespeed']),
      ...usesOf(replicateModels, ['replicate']),
    ]
    expect(report).toMatchObject({ findings: [], unread: [], notAsked: [], checked: used.length })
    const priced = used.filter(({ provider }) => provider !== 'replicate').map(use => `${use.provider} ${use.endpoint}`)
    expect(Object.keys(report.prices).toSorted()).toEqual(priced.toSorted())
  })

  it.each(['FAL_BASE_URL', 'FAL_REST_URL'])('reads fal where %s alone says where it is', async name => {
    const { env } = await startSimulators()
    const { code, stdout } = await run(['sync', '--json'], { [name]: env[name]!, FAL_KEY: 'anything' })
    const report = JSON.parse(stdout) as { prices: object }
    expect({ code, ...report }).toMatchObject({ code: 0, findings: [], unread: [] })
    expect(Object.keys(report.prices)).toContain('fal fal-ai/flux/schnell')
  })
})

describe('safelight registry check', () => {
  it('needs no network and no key', async () => {
    const { code, stdout, stderr } = await run(['check'], { FAL_BASE_URL: 'http://127.0.0.1:9', FAL_KEY: 'k' })
    for (const line of stdout.trimEnd().split('\n'))
      expect(line).toMatch(/^$|^\S+ (will be|was) shut down on \d{4}-\d\d-\d\d/)
    expect(code).toBe(stdout.includes(' was shut down') ? 1 : 0)
    expect(stderr).not.toMatch(/does not answer/)
  })

  it('hears from OpenAI of dates that we do not know', async () => {
    const { env, asked } = await vendors(path => {
      const data = [
        { id: 'gpt-image-2', shutdown_date: '2027-03-01' },
        { id: 'another', shutdown_date: '2027-03-02' },
        { id: 'gpt-image-2.6-flare', shutdown_date: null },
      ]
      return path === '/v1/models' ? { json: { data } } : undefined
    })
    const openai = { OPENAI_API_KEY: 'sentinel-openai', OPENAI_BASE_URL: env['FAL_BASE_URL']! }
    const { code, stdout } = await run(['check', '--json'], openai)
    expect(code).toBe(1)
    const { shutdowns } = JSON.parse(stdout) as { shutdowns: { model: string; isWrong: boolean }[] }
    expect(shutdowns.filter(({ isWrong }) => isWrong).map(({ model }) => model)).toEqual([
      'gpt-image-2',
      'gpt-image-2-edit',
    ])
    expect(asked).toEqual([{ path: '/v1/models', authorization: 'Bearer sentinel-openai' }])
  })
})

it('refuses words that it does not know', async () => {
  for (const args of [[], ['drift'], ['sync', 'now'], ['sync', '--until', 'x']])
    expect((await run(args, {})).code).toBe(2)
})
