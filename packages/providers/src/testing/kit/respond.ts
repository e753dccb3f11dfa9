/** One request to a simulator: what the script lets go wrong, and around it the vendor's own answer. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { RequestEntry } from './books.ts'
import { cutStream } from './file-answer.ts'
import { takeFault, type Fault } from './faults.ts'
import type { Exchange } from './simulator.ts'
import type { Office } from './world.ts'

/** What the other side sees: an answer, a socket that closes, or nothing at all. */
export type Outcome = { status: 'answered'; response: Response } | { status: 'closed' } | { status: 'silent' }

const PAGE =
  '<!DOCTYPE html><html><head><title>Error</title></head><body><center><h1>Bad Gateway</h1></center><hr>nginx</body></html>'

export async function respond(office: Office, exchange: Exchange): Promise<Outcome> {
  const { simulator, desk } = office
  const action = simulator.actionOf(exchange)
  const fault = takeFault(office.faults, action)
  const { method, path } = exchange
  const note = (status: RequestEntry['status']) =>
    desk.books.requests.push({ provider: simulator.provider, at: desk.now(), action, method, path, status })

  if (fault?.fault === 'reset') {
    note('reset')
    return { status: 'closed' }
  }
  if (fault?.fault === 'status') {
    note(fault.status)
    return { status: 'answered', response: gatewayAnswer(fault) }
  }
  const answer = await simulator.answer(exchange, desk)
  if (fault?.fault === 'lost' || fault?.fault === 'hang') {
    await answer.body?.cancel()
    note(fault.fault === 'lost' ? 'lost' : 'hung')
    return { status: fault.fault === 'lost' ? 'closed' : 'silent' }
  }
  const response = fault ? await spoiled(answer, fault) : answer
  note(response.status)
  return { status: 'answered', response }
}

function gatewayAnswer({ status, body = 'json', retryAfterSeconds }: Extract<Fault, { fault: 'status' }>): Response {
  const headers = new Headers(retryAfterSeconds === undefined ? {} : { 'retry-after': String(retryAfterSeconds) })
  if (body === 'empty') return new Response(null, { status, headers })
  headers.set('content-type', body === 'html' ? 'text/html' : 'application/json')
  return new Response(
    body === 'html' ? PAGE : JSON.stringify({ detail: 'Service is busy', message: 'Service is busy' }),
    {
      status,
      headers,
    },
  )
}

async function spoiled(answer: Response, fault: Fault): Promise<Response> {
  const { status } = answer
  const headers = new Headers(answer.headers)
  switch (fault.fault) {
    case 'slow':
      await sleep(fault.seconds * 1000)
      return answer
    case 'malformed': {
      const text = await answer.text()
      headers.delete('content-length')
      return new Response(text.slice(0, Math.max(1, Math.floor(text.length / 2))), { status, headers })
    }
    case 'html':
      await answer.body?.cancel()
      return new Response(PAGE, { status: 200, headers: { 'content-type': 'text/html' } })
    case 'cut': {
      const bytes = new Uint8Array(await answer.arrayBuffer())
      headers.set('content-length', String(bytes.length))
      return new Response(cutStream(bytes.subarray(0, Math.floor(bytes.length * fault.share))), { status, headers })
    }
    case 'redirect':
      await answer.body?.cancel()
      return new Response(null, { status: 302, headers: { location: fault.to } })
    case 'lost':
    case 'hang':
    case 'reset':
    case 'status':
      return answer
  }
}
