/**
 * Who is making a job, so that two servers on one shelf do not draw everything twice. Only that: a claim that is lost, or
 * taken by two at once, costs a second drawing of the same bytes.
 */
import { randomUUID } from 'node:crypto'
import { hostname } from 'node:os'
import { readRecord, writeRecord } from './shelf.ts'
import type { Shelf } from './shelf.ts'

interface Claim {
  run: string
  host: string
  processId: number
  /** Renewed while the work goes on. */
  at: number
}

const RENEW_MS = 2_000
const STALE_MS = 6_000
const run = randomUUID()

/** Claims a job for this process, or answers null while another living one has it. */
export async function claimJob(shelf: Shelf, jobId: string): Promise<{ release(): void } | null> {
  const held = await readRecord<Claim>(shelf, jobId, 'claim')
  if (held && held.run !== run && isFresh(held)) return null
  const renew = (): Promise<void> =>
    writeRecord(shelf, jobId, 'claim', {
      run,
      host: hostname(),
      processId: process.pid,
      at: Date.now(),
    } satisfies Claim)
  await renew()
  // a renewal that fails only lets another process draw it too
  const timer = setInterval(() => void renew().catch(() => undefined), RENEW_MS)
  timer.unref()
  return { release: () => clearInterval(timer) }
}

function isFresh(claim: Claim): boolean {
  if (Date.now() - claim.at > STALE_MS) return false
  // the same process number with another run is a container that was restarted
  if (claim.host === hostname()) return claim.processId !== process.pid && isAlive(claim.processId)
  return true
}

function isAlive(processId: number): boolean {
  try {
    process.kill(processId, 0)
    return true
  } catch (error) {
    // a process of another user refuses the signal, and so is alive
    return error instanceof Error && (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}
