/** The hub's side: which party serves which model (huggingface.co/docs/inference-providers, 2026-08, and older editions). */
import type { Desk, Exchange, Plan } from '../../testing/kit/index.ts'

interface Entry {
  party: string
  providerId: string
  task: string
}

const row = (model: string, task: string, ...served: readonly (readonly [string, string])[]) =>
  [model, served.map(([party, providerId]): Entry => ({ party, providerId, task }))] as const

const MODELS = new Map<string, Entry[]>([
  row(
    'black-forest-labs/FLUX.1-schnell',
    'text-to-image',
    ['nscale', 'black-forest-labs/FLUX.1-schnell'],
    ['together', 'black-forest-labs/FLUX.1-schnell'],
    ['fal-ai', 'fal-ai/flux/schnell'],
  ),
  row(
    'black-forest-labs/FLUX.1-dev',
    'text-to-image',
    ['fal-ai', 'fal-ai/flux/dev'],
    ['wavespeed', 'wavespeed-ai/flux-dev'],
    ['replicate', 'black-forest-labs/flux-dev'],
  ),
  row('stabilityai/stable-diffusion-3-medium-diffusers', 'text-to-image', [
    'hf-inference',
    'stabilityai/stable-diffusion-3-medium-diffusers',
  ]),
  row(
    'Tongyi-MAI/Z-Image-Turbo',
    'text-to-image',
    ['fal-ai', 'fal-ai/z-image/turbo'],
    ['wavespeed', 'wavespeed-ai/z-image/turbo'],
    ['replicate', 'prunaai/z-image-turbo'],
  ),
  row('Qwen/Qwen-Image', 'text-to-image', ['fal-ai', 'fal-ai/qwen-image']),
  row('Qwen/Qwen-Image-Edit-2511', 'image-to-image', ['fal-ai', 'fal-ai/qwen-image-edit-plus']),
  row(
    'black-forest-labs/FLUX.2-klein-9B',
    'image-to-image',
    ['fal-ai', 'fal-ai/flux-2/klein/9b/edit'],
    ['replicate', 'black-forest-labs/flux-2-klein-9b'],
    ['wavespeed', 'wavespeed-ai/flux-2-klein-9b/edit'],
  ),
  row(
    'black-forest-labs/FLUX.2-dev',
    'image-to-image',
    ['fal-ai', 'fal-ai/flux-2/edit'],
    ['wavespeed', 'wavespeed-ai/flux-2-dev/edit'],
  ),
  row(
    'Wan-AI/Wan2.2-TI2V-5B',
    'text-to-video',
    ['fal-ai', 'fal-ai/wan/v2.2-5b/text-to-video'],
    ['replicate', 'wan-video/wan-2.2-5b-fast'],
    ['wavespeed', 'wavespeed-ai/wan-2.2/t2v-5b-720p'],
  ),
  row(
    'Wan-AI/Wan2.2-T2V-A14B',
    'text-to-video',
    ['fal-ai', 'fal-ai/wan/v2.2-a14b/text-to-video'],
    ['together', 'Wan-AI/Wan2.2-T2V-A14B'],
  ),
  row('Wan-AI/Wan2.1-T2V-1.3B', 'text-to-video', ['fal-ai', 'fal-ai/wan/v2.1/1.3b/text-to-video']),
])

/** The task under which a party knows a name; undefined where it serves nothing of this name. */
export function taskOf(party: string, providerId: string): string | undefined {
  return [...MODELS.values()].flat().find(each => each.party === party && each.providerId === providerId)?.task
}

export async function hub(exchange: Exchange, desk: Desk): Promise<Response> {
  const { method, path } = exchange
  const [, model] = /^\/api\/models\/([^/]+\/[^/]+)$/.exec(path) ?? []
  if (method === 'GET' && path === '/api/whoami-v2') return whoami(exchange, desk)
  return method === 'GET' && model ? modelPage(model, exchange, desk) : new Response('Not Found', { status: 404 })
}

function modelPage(model: string, { headers }: Exchange, desk: Desk): Response {
  const scenario = upcoming(desk).scenario ?? ''
  if (scenario === 'hub_down') return page(503)
  if (scenario === 'hub_html') return page(200)
  if (scenario === 'hub_busy') {
    const limits = { ratelimit: '"api";r=0;t=55', 'ratelimit-policy': '"fixed window";"api";q=500;w=300' }
    return Response.json({ error: 'Too many requests' }, { status: 429, headers: limits })
  }
  const served = MODELS.get(model)
  if (!served) {
    // To strangers a model that is not there looks like one that is private.
    return headers.has('authorization')
      ? Response.json({ error: 'Repository not found' }, { status: 404 })
      : Response.json({ error: 'Invalid username or password.' }, { status: 401 })
  }
  const shown = served.flatMap(entry => asShown(entry, scenario))
  const inferenceProviderMapping = isListed(model) ? shown.map(asItem(model)) : asObject(shown)
  return Response.json({ _id: '66aaa908fc35e079a941470d', id: model, inferenceProviderMapping })
}

/** The hub has answered with a list and with an object: here the owner's name decides. */
function isListed(model: string): boolean {
  return model.startsWith('Wan-AI/') || model.startsWith('Qwen/') || model.includes('FLUX.2')
}

type Shown = Entry & { status: string }

function asShown(entry: Entry, scenario: string): Shown[] {
  if (scenario === 'mapping_gone') return []
  if (scenario === 'mapping_staging') return [{ ...entry, status: 'staging' }]
  if (scenario === 'mapping_other_task') return [{ ...entry, status: 'live', task: 'text-generation' }]
  return [{ ...entry, status: 'live' }]
}

function asItem(hfModelId: string) {
  return ({ party, ...rest }: Shown) => ({ provider: party, hfModelId, type: 'single-model', ...rest })
}

function asObject(shown: readonly Shown[]): object {
  return Object.fromEntries(shown.map(({ party, ...rest }) => [party, rest]))
}

/** A mapping is read before the submit that a plan is for: what waits first in line is what it is read for. */
function upcoming(desk: Desk): Plan {
  const { next = [], always = {} } = desk as { next?: readonly Plan[]; always?: Plan }
  return next[0] ?? always
}

function page(status: number): Response {
  const html = '<!DOCTYPE html><html><body><h1>Hugging Face is having trouble</h1></body></html>'
  return new Response(html, { status, headers: { 'content-type': 'text/html; charset=utf-8' } })
}

function whoami({ headers }: Exchange, desk: Desk): Response {
  const key = /^Bearer (\S+)$/.exec(headers.get('authorization') ?? '')?.[1] ?? ''
  const { status, account } = desk.account(key)
  if (status !== 'ok' || !key.startsWith('hf_')) {
    return Response.json({ error: 'Invalid credentials in Authorization header' }, { status: 401 })
  }
  const canCall = !key.startsWith('hf_readonly')
  const permissions = canCall ? ['inference.serverless.write', 'repo.content.read'] : ['repo.content.read']
  const fineGrained = { canReadGatedRepos: false, global: [], scoped: [{ entity: { type: 'user' }, permissions }] }
  const accessToken = { displayName: 'simulated', role: 'fineGrained', fineGrained }
  return Response.json({ type: 'user', id: account, name: 'somebody', isPro: false, auth: { accessToken } })
}
