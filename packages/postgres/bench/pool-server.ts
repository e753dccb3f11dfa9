/** One of the servers of the benchmark of the pool: requests come in by themselves, and each finds its way to a key. */
import { randomUUID } from 'node:crypto'
import { request as httpRequest, Agent } from 'node:http'
import { setTimeout as after } from 'node:timers/promises'
import type { Candidate, TokenEvent } from '@safelight/core'
import { rulesOf } from '@safelight/core/token-pool'
import { postgres } from '../src/database.ts'
import { pg } from '../src/pg.ts'
import { COUNTED_SECONDS, type Job, type ServerReport, TIME_SCALE, WARM_UP_SECONDS } from './pool.ts'

/** A minute of waiting, and jobs of three seconds. */
const DEADLINE_MS = 60_000 / TIME_SCALE
const JOB_MS = 3000 / TIME_SCALE
const ATTEMPTS_MAX = 6

const job = JSON.parse(process.argv[2] ?? '') as Job
const driver = pg(job.databaseUrl, { connections: 8 })
const { tokens } = postgres(driver, { tokenRules: rulesOf(TIME_SCALE) })
const agent = new Agent({ keepAlive: true })
const candidates: Candidate[] = Array.from({ length: job.accounts }, (_, index) => {
  return { provider: 'p', endpoint: 'e', token: String(index), account: String(index), maxOpen: null }
})
const report: ServerReport = { submits: 0, accepted: 0, refused: 0, failed: 0 }
const countedFrom = performance.now() + WARM_UP_SECONDS * 1000
const endsAt = countedFrom + COUNTED_SECONDS * 1000

function count(what: 'submits' | 'accepted' | 'refused'): void {
  const now = performance.now()
  if (now >= countedFrom && now < endsAt) report[what] += 1
}

async function handle(): Promise<void> {
  const deadline = performance.now() + DEADLINE_MS
  for (let attempts = 0; attempts < ATTEMPTS_MAX;) {
    const attemptId = randomUUID()
    const acquired = await tokens.acquire({ attemptId, jobId: randomUUID(), model: 'm', lane: 'image', candidates })
    if (acquired.status === 'none') break
    if (acquired.status === 'wait') {
      if (performance.now() + acquired.waitSeconds * 1000 > deadline) return
      await after(acquired.waitSeconds * 1000)
      continue
    }
    attempts += 1
    if (await submit(attemptId, acquired.candidate)) return
  }
  report.failed += 1
}

async function submit(attemptId: string, { provider, token, account }: Candidate): Promise<boolean> {
  const event = { provider, token, account, lane: 'image', model: 'm', attemptId } as const
  count('submits')
  const refusal = await answerTo(token)
  if (refusal) {
    if (refusal.kind === 'rate_limited') count('refused')
    await tokens.report({ ...event, outcome: 'refused', refusal })
    return false
  }
  count('accepted')
  await tokens.report({ ...event, outcome: 'accepted' })
  await after(JOB_MS)
  await tokens.report({ ...event, outcome: 'ended' })
  return true
}

function answerTo(token: string): Promise<TokenEvent['refusal']> {
  return new Promise((resolve, reject) => {
    const request = httpRequest(
      job.providerUrl,
      { method: 'POST', agent, headers: { authorization: token } },
      response => {
        response.resume()
        const retryAfterSeconds = Number(response.headers['x-retry-after'])
        if (response.statusCode === 401) resolve({ kind: 'auth', scope: 'token' })
        else
          resolve(
            response.statusCode === 429 ? { kind: 'rate_limited', scope: 'account', retryAfterSeconds } : undefined,
          )
      },
    )
    request.on('error', reject)
    request.end()
  })
}

const underWay = new Set<Promise<void>>()
for (let next = performance.now(); next < endsAt;) {
  next += (-Math.log(1 - Math.random()) / job.requestsPerSecond) * 1000
  await after(Math.max(0, next - performance.now()))
  const handled = handle().finally(() => underWay.delete(handled))
  underWay.add(handled)
}
await Promise.all(underWay)
agent.destroy()
await driver.close()
process.send?.(report)
process.disconnect()
