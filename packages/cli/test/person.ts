/** A person at the API, with nothing but `fetch`. */
import { setTimeout as sleep } from 'node:timers/promises'

export interface JobAnswer {
  id: string
  state: 'queued' | 'running' | 'storing' | 'succeeded' | 'failed' | 'canceled'
  price: number
  refundedCredits: number
  failure: { code: string; message: string } | null
  media: { url: string; contentType: string; width: number; height: number }[]
}
interface Entry {
  kind: string
  delta: number
  balanceAfter: number
  jobId: string | null
}

export interface Person {
  post(path: string, body: unknown, headers?: Record<string, string>): Promise<Response>
  get<Body>(path: string): Promise<Body>
  bytes(path: string): Promise<Uint8Array>
  /** Posts a job and answers with it as admitted. */
  order(model: string, input: object): Promise<JobAnswer>
  /** Follows the events of a job until `found` says so. */
  follow(jobId: string, found: (job: JobAnswer) => boolean): Promise<JobAnswer>
  balance(): Promise<number>
  ledger(): Promise<Entry[]>
}

export const hasEnded = ({ state }: JobAnswer): boolean => ['succeeded', 'failed', 'canceled'].includes(state)

export async function signIn(url: string, email?: string): Promise<Person> {
  const body = JSON.stringify(email === undefined ? {} : { email })
  const answer = await fetch(`${url}/auth/local`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body,
  })
  const { accessToken } = (await answer.json()) as { accessToken: string }
  return personWith(url, accessToken)
}

export function personWith(url: string, accessToken: string): Person {
  const authorization = { Authorization: `Bearer ${accessToken}` }
  const read = async (path: string): Promise<Response> => {
    const answer = await fetch(url + path, { headers: authorization })
    if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`)
    return answer
  }
  const get = async <Body>(path: string): Promise<Body> => (await (await read(path)).json()) as Body
  const post: Person['post'] = (path, body, headers = {}) =>
    fetch(url + path, {
      method: 'POST',
      headers: { ...authorization, 'Content-Type': 'application/json', ...headers },
      body: JSON.stringify(body),
    })
  return {
    get,
    post,
    bytes: async path => new Uint8Array(await (await read(path)).arrayBuffer()),
    async order(model, input) {
      const answer = await post('/api/jobs', { model, input })
      if (answer.status !== 202) throw new Error(`${answer.status} ${await answer.text()}`)
      return ((await answer.json()) as { job: JobAnswer }).job
    },
    async follow(jobId, found) {
      const answer = await fetch(`${url}/api/jobs/${jobId}/events`, { headers: authorization })
      for await (const job of jobsIn(answer.body!)) if (found(job)) return job
      throw new Error('the events ended before what was waited for')
    },
    balance: async () => (await get<{ balance: number }>('/api/account')).balance,
    ledger: async () => (await get<{ items: Entry[] }>('/api/account/ledger?limit=100')).items,
  }
}

async function* jobsIn(stream: ReadableStream<Uint8Array>): AsyncGenerator<JobAnswer> {
  const reader = stream.pipeThrough(new TextDecoderStream() as ReadableWritablePair<string, Uint8Array>).getReader()
  try {
    for (let text = ''; ;) {
      const { done, value } = await reader.read()
      if (done) return
      const events = (text + value).split('\n\n')
      text = events.pop() ?? ''
      for (const event of events) {
        const [, data] = /^data: (.*)$/m.exec(event) ?? []
        if (data !== undefined) yield JSON.parse(data) as JobAnswer
      }
    }
  } finally {
    await reader.cancel()
  }
}

/** Asks until the server is gone. */
export async function untilGone(url: string, seconds: number): Promise<boolean> {
  for (const until = performance.now() + seconds * 1000; performance.now() < until; await sleep(50)) {
    const answer = await fetch(`${url}/healthz`).catch(() => null)
    await answer?.body?.cancel()
    if (answer === null) return true
  }
  return false
}
