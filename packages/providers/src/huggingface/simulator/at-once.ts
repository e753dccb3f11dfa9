/** Parties that answer with the picture itself: Nscale, Together, and Hugging Face's own machines. */
import { textAt } from '@safelight/core/adapter'
import type { SimulatedFile, SimulatedJob } from '../../testing/kit/index.ts'
import { addressOf, filesOf, finished, notFound, seen, take, type Visit } from './visit.ts'

/** Longer than any script lets a picture take. */
const WORK_SECONDS = 600

async function made(
  visit: Visit,
  providerId: string,
): Promise<{ job: SimulatedJob; files: SimulatedFile[] } | Response> {
  const taken = take(visit, providerId)
  if ('refusal' in taken) return taken.refusal
  await finished(visit, taken.job, WORK_SECONDS)
  return { job: taken.job, files: [...filesOf(visit, taken.job)] }
}

/** The bytes that a download would bring, also where they are bad. */
async function bytesOf({ desk, exchange }: Visit, file: SimulatedFile): Promise<Buffer | null> {
  const answer = desk.file(file.name, { ...exchange, headers: new Headers() })
  if (!answer.ok) return null
  try {
    return Buffer.from(await answer.arrayBuffer())
  } catch {
    // A download that breaks off: in an answer it is a shorter file.
    const whole = desk.bytesOf(file)
    return Buffer.from(whole.subarray(0, Math.ceil(whole.length / 2)))
  }
}

async function inBase64(visit: Visit, files: readonly SimulatedFile[]): Promise<string[]> {
  const bytes = await Promise.all(files.map(file => bytesOf(visit, file)))
  return bytes.filter(each => each !== null).map(each => each.toString('base64'))
}

export async function nscale(visit: Visit): Promise<Response> {
  const { exchange, path } = visit
  if (exchange.method !== 'POST' || path !== '/v1/images/generations') return notFound()
  const done = await made(visit, textAt(exchange.json, 'model') ?? '')
  if (done instanceof Response) return done
  const data = (await inBase64(visit, done.files)).map(b64_json => ({ b64_json }))
  return Response.json({ created: Math.floor(visit.desk.now() / 1000), data })
}

export async function together(visit: Visit): Promise<Response> {
  const { exchange, path } = visit
  const [, videoId] = /^\/v2\/videos\/([^/]+)$/.exec(path) ?? []
  const model = textAt(exchange.json, 'model') ?? ''
  if (exchange.method === 'GET' && videoId !== undefined) return video(visit, videoId)
  if (exchange.method !== 'POST') return notFound()
  if (path === '/v2/videos') {
    const taken = take(visit, model)
    if ('refusal' in taken) return taken.refusal
    return Response.json({ id: taken.job.id, object: 'video', model, status: 'queued' })
  }
  return path === '/v1/images/generations' ? images(visit, model) : notFound()
}

async function images(visit: Visit, model: string): Promise<Response> {
  const done = await made(visit, model)
  if (done instanceof Response) return done
  const wantsUrl = textAt(visit.exchange.json, 'response_format') === 'url'
  const pictures = wantsUrl
    ? done.files.map(file => ({ type: 'url', url: addressOf(visit, file) }))
    : (await inBase64(visit, done.files)).map(b64_json => ({ type: 'b64_json', b64_json }))
  const data = pictures.map((picture, index) => ({ index, timings: { inference: 312 }, ...picture }))
  // It stands on good answers, too, and limits nothing.
  return Response.json({ id: done.job.id, model, object: 'list', data }, { headers: { 'retry-after': '0' } })
}

function video(visit: Visit, id: string): Response {
  const { desk } = visit
  const job = seen(visit, id)
  if (!job) return notFound()
  const { phase } = desk.phase(job)
  const about = { id, object: 'video', model: job.endpoint.split(':')[1], seconds: '5' }
  if (phase === 'queued') return Response.json({ ...about, status: 'queued' })
  if (phase === 'running') return Response.json({ ...about, status: 'in_progress' })
  const scenario = desk.scenario(job)
  const hasFailed =
    phase === 'cancelled' || (scenario && scenario.expect.kind !== 'success' && scenario.name !== 'empty_result')
  if (hasFailed) {
    const isPolicy = scenario?.expect.kind === 'content_policy'
    const message = isPolicy ? 'The output may contain NSFW content.' : 'Generation failed'
    return Response.json({ ...about, status: 'failed', error: { message, code: 'generation_failed' } })
  }
  const [file] = filesOf(visit, job)
  const outputs = { cost: 0.35, ...(file ? { video_url: addressOf(visit, file) } : {}) }
  return Response.json({ ...about, status: 'completed', outputs })
}

/** Bytes when it went well. */
export async function hfInference(visit: Visit): Promise<Response> {
  const { exchange, path } = visit
  const [, model] = /^\/models\/([^/]+\/[^/]+)$/.exec(path) ?? []
  if (exchange.method !== 'POST' || model === undefined) return notFound()
  const done = await made(visit, model)
  if (done instanceof Response) return done
  const [file] = done.files
  const bytes = file ? await bytesOf(visit, file) : null
  const type = file?.contentType ?? 'image/jpeg'
  return new Response(new Uint8Array(bytes ?? []), { headers: { 'content-type': type, 'x-compute-time': '2.1' } })
}
