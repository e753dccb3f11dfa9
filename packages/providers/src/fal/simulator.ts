/** fal.ai for tests: its queue, synchronous runs, storage, balance, webhook keys and files, failing as fal does. */
import type { Action, Desk, Exchange, Simulator } from '../testing/kit/index.ts'
import { answerOf, detail } from './simulated/answers.ts'
import { descriptionOf } from './simulated/descriptions.ts'
import { admitted, keyOf } from './simulated/door.ts'
import { answerQueue, requestPathOf } from './simulated/queue.ts'
import { resultOf, textOf } from './simulated/results.ts'
import { rowOf, scenarios } from './simulated/scenarios.ts'
import { deliveryOf, JWKS } from './simulated/signing.ts'
import { initiate, receive, uploadOf } from './simulated/storage.ts'

const RUN_HOLDS_SECONDS = 600

export const falSimulator: Simulator = {
  provider: 'fal',
  origins: {
    FAL_BASE_URL: 'https://queue.fal.run',
    FAL_RUN_URL: 'https://fal.run',
    FAL_REST_URL: 'https://rest.fal.ai',
    media: 'https://v3.fal.media',
  },
  scenarios,
  actionOf,
  async answer(exchange, desk) {
    const described = exchange.origin === 'media' ? null : descriptionOf(exchange, desk)
    if (described) return described
    switch (exchange.origin) {
      case 'FAL_BASE_URL':
        return answerQueue(exchange, desk)
      case 'FAL_RUN_URL':
        return run(exchange, desk)
      case 'FAL_REST_URL':
        return answerRest(exchange, desk)
      default:
        return answerMedia(exchange, desk)
    }
  },
  delivery: deliveryOf,
}

function actionOf({ origin, path, method }: Exchange): Action {
  if (origin === 'media') return method === 'GET' ? 'media' : 'upload'
  if (origin === 'FAL_REST_URL')
    return path.startsWith('/storage/') ? 'upload' : path.startsWith('/billing/') ? 'account' : 'other'
  const asked = requestPathOf(path)
  if (!asked) return method === 'POST' ? 'submit' : 'other'
  const actions = { '/status': 'look', '/status/stream': 'stream', '/cancel': 'cancel', '': 'result' } as const
  return actions[asked.part]
}

/** `POST https://fal.run/{endpoint}`: holds the line and answers with the result; no queue, and so no second chance. */
async function run(exchange: Exchange, desk: Desk): Promise<Response> {
  if (exchange.method !== 'POST') return detail(405, 'Method Not Allowed')
  const endpoint = exchange.path.slice(1)
  const job = admitted(exchange, desk, endpoint, null)
  if (job instanceof Response) return job
  await desk.settled(job, RUN_HOLDS_SECONDS)
  const result = rowOf(job.plan.scenario)?.result ?? resultOf(job, desk)
  const answer = answerOf(result, job.id)
  return typeof result.body === 'string' ? answer : new Response(textOf(result), answer)
}

function answerRest(exchange: Exchange, desk: Desk): Response {
  const { path, method } = exchange
  if (path === '/.well-known/jwks.json') return answerOf({ status: 200, body: JWKS })
  const { status, isExhausted, balance } = desk.account(keyOf(exchange))
  if (status !== 'ok') return answerOf(rowOf('bad_key')!.submit!)
  if (method === 'GET' && path === '/billing/user_balance') return answerOf({ status: 200, body: balance })
  if (method !== 'POST') return detail(404, 'Not Found')
  if (isExhausted) return answerOf(rowOf('balance_exhausted')!.submit!)
  if (path === '/storage/upload/initiate' || path === '/storage/upload/initiate-multipart')
    return initiate(exchange, desk)
  return detail(404, 'Not Found')
}

/** Files are public; uploads are written with a signed address. */
function answerMedia(exchange: Exchange, desk: Desk): Response {
  const { path, method } = exchange
  if (method !== 'GET' && method !== 'HEAD') return receive(exchange, desk)
  const upload = /^\/files\/uploads\/([^/]+)$/.exec(path)?.[1]
  if (upload !== undefined) return uploadOf(upload, desk)
  return desk.file(path.split('/').at(-1) ?? '', exchange)
}
