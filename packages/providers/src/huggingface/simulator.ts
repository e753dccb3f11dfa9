/**
 * Hugging Face as its documents and official clients describe it (docs/providers/huggingface.md): the router with the parties
 * behind it, the hub, and the parties' own hosts, where an `hf_` token has no business. Whoever brings one there is written
 * down: see `leakedKeys`.
 */
import type { Action, Books, Desk, Exchange, RequestEntry, Simulator } from '../testing/kit/index.ts'
import { hfInference, nscale, together } from './simulator/at-once.ts'
import { falAi } from './simulator/fal-ai.ts'
import { hub } from './simulator/mappings.ts'
import { replicate } from './simulator/replicate.ts'
import { scenarios } from './simulator/scenarios.ts'
import { isGood, notFound, stranger, type Visit } from './simulator/visit.ts'
import { wavespeed } from './simulator/wavespeed.ts'

const parties: Readonly<Record<string, (visit: Visit) => Response | Promise<Response>>> = {
  'fal-ai': falAi,
  wavespeed,
  replicate,
  nscale,
  together,
  'hf-inference': hfInference,
}

/** The parties' own hosts, by the name of their origin. */
const HOSTS: Readonly<Record<string, string>> = {
  fal_ai: 'fal-ai',
  wavespeed: 'wavespeed',
  replicate: 'replicate',
  nscale: 'nscale',
  together: 'together',
  together_xyz: 'together',
}

export const huggingfaceSimulator: Simulator = {
  provider: 'huggingface',
  origins: {
    HUGGINGFACE_BASE_URL: 'https://router.huggingface.co',
    HUGGINGFACE_HUB_URL: 'https://huggingface.co',
    // These parties have simulators of their own, which answer for their real hosts.
    fal_ai: 'https://queue.fal.run.example',
    wavespeed: 'https://api.wavespeed.ai.example',
    replicate: 'https://api.replicate.com.example',
    nscale: 'https://inference.api.nscale.com',
    together: 'https://api.together.ai',
    together_xyz: 'https://api.together.xyz',
    media: 'https://media.parties.example',
  },
  scenarios,
  actionOf,
  answer,
}

/** The same with the real hosts of all parties, for worlds in which it is alone. */
export const huggingfaceSimulatorAlone: Simulator = {
  ...huggingfaceSimulator,
  origins: {
    ...huggingfaceSimulator.origins,
    fal_ai: 'https://queue.fal.run',
    wavespeed: 'https://api.wavespeed.ai',
    replicate: 'https://api.replicate.com',
  },
}

function actionOf({ origin, method, path }: Exchange): Action {
  if (origin === 'media') return 'media'
  if (origin === 'HUGGINGFACE_HUB_URL') return path === '/api/whoami-v2' ? 'account' : 'other'
  if (path.endsWith('/cancel')) return 'cancel'
  if (method === 'POST') return 'submit'
  return /\/requests\/[^/]+$/.test(path) ? 'result' : 'look'
}

async function answer(exchange: Exchange, desk: Desk): Promise<Response> {
  const { origin, path } = exchange
  const isRouted = origin === 'HUGGINGFACE_BASE_URL'
  const isForeign = !isRouted && origin !== 'HUGGINGFACE_HUB_URL'
  if (isForeign && isHubToken(exchange)) return leaked(exchange, desk)
  if (origin === 'media') return desk.file(path.replace('/files/', ''), exchange)
  if (origin === 'HUGGINGFACE_HUB_URL') return hub(exchange, desk)
  const [, first = '', rest = ''] = /^\/([^/]+)(\/.*)$/.exec(path) ?? []
  const party = isRouted ? first : (HOSTS[origin] ?? '')
  const serve = parties[party]
  if (!serve) return notFound()
  const key = keyIn(exchange, party, isRouted)
  const { account } = desk.account(key)
  const visit: Visit = { exchange, desk, party, path: isRouted ? rest : path, isRouted, key, account }
  return isGood(visit) ? serve(visit) : stranger()
}

/** The router takes Bearer only; fal by itself takes `Key`. */
function keyIn({ headers }: Exchange, party: string, isRouted: boolean): string {
  const scheme = !isRouted && party === 'fal-ai' ? 'Key' : 'Bearer'
  const [given, key = ''] = (headers.get('authorization') ?? '').split(' ')
  return given === scheme ? key : ''
}

const LEAK = 'an hf_ token came to '

function isHubToken({ headers, query }: Exchange): boolean {
  return [...headers.values(), ...query.values()].some(value => /\bhf_/.test(value))
}

function leaked({ origin, method, path }: Exchange, desk: Desk): Response {
  desk.books.requests.push({
    provider: 'huggingface',
    at: desk.now(),
    action: 'other',
    method,
    path: `${LEAK}${origin}${path}`,
    status: 401,
  })
  return Response.json({ detail: 'Authentication is required' }, { status: 401 })
}

/** Requests that brought a token of Hugging Face to somebody else. */
export function leakedKeys({ requests }: Books): readonly RequestEntry[] {
  return requests.filter(({ path }) => path.startsWith(LEAK))
}
