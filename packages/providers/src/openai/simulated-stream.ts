/** `stream: true`: partial pictures as server-sent events, then the whole one; an error may come after the 200. For the simulator. */
import type { Desk, SimulatedJob } from '../testing/kit/simulator.ts'
import type { ImageRequest } from './simulated-request.ts'

export function streamOf(job: SimulatedJob, desk: Desk, request: ImageRequest): Response {
  const encoder = new TextEncoder()
  const events = eventsOf(job, desk, request)
  const body = new ReadableStream<Uint8Array>({
    async pull(controller) {
      const { value, done } = await events.next()
      if (done) return controller.close()
      controller.enqueue(encoder.encode(`event: ${value.type}\ndata: ${JSON.stringify(value)}\n\n`))
    },
  })
  return new Response(body, { headers: { 'content-type': 'text/event-stream; charset=utf-8' } })
}

type Event = { type: string } & Record<string, unknown>

async function* eventsOf(job: SimulatedJob, desk: Desk, request: ImageRequest): AsyncGenerator<Event> {
  const kind = request.isEdit ? 'image_edit' : 'image_generation'
  const [file] = desk.outputs(job, 1, request.sampleKind, request.pixels)
  const picture = {
    b64_json: file ? Buffer.from(desk.bytesOf(file)).toString('base64') : '',
    created_at: Math.floor(desk.now() / 1000),
    size: `${request.pixels.width}x${request.pixels.height}`,
    quality: 'high',
    background: 'opaque',
    output_format: request.outputFormat,
  }
  for (let index = 0; index < request.partialImages; index++) {
    yield { type: `${kind}.partial_image`, partial_image_index: index, ...picture }
  }
  await desk.settled(job, 600)
  if (job.plan.scenario === 'server_error') {
    yield {
      type: 'error',
      error: { type: 'server_error', code: null, message: 'The server had an error', param: null },
    }
    return
  }
  yield { type: `${kind}.completed`, ...picture, usage: { input_tokens: 50, output_tokens: 4160, total_tokens: 4210 } }
}
