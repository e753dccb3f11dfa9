/** What is done now and then. Each task is bounded, may be repeated, and goes on where it was left. */
import type { Database, MediaStore, Upkeep } from '@safelight/core'
import { describe } from '../http/problems.ts'
import type { Log } from '../options.ts'

export interface UpkeepParts {
  database: Upkeep
  media: MediaStore
  log: Log
  /** Between two steps a task looks here whether to go on. */
  signal: AbortSignal
}

export interface Task {
  /** Under which servers agree whose turn it is; pg_cron.sql knows these names too. */
  name: string
  everySeconds: number
  run(parts: UpkeepParts): Promise<void>
}

const SECONDS = { hour: 3600, day: 86_400, week: 604_800 }
/** Steps of one turn: what is left then waits for the next. */
const STEPS_MAX = 100

export const TASKS: readonly Task[] = [
  { name: 'reconcile', everySeconds: SECONDS.hour, run: parts => reconcile(parts, false) },
  { name: 'reconcile-whole', everySeconds: SECONDS.week, run: parts => reconcile(parts, true) },
  { name: 'anomalies', everySeconds: SECONDS.day, run: tellOfAnomalies },
  { name: 'archive', everySeconds: SECONDS.hour, run: archive },
  { name: 'trim', everySeconds: SECONDS.hour, run: trim },
  { name: 'rate-limits', everySeconds: SECONDS.hour, run: forgetLimits },
]

const METHODS = {
  reconcileCreditLedger: true,
  closeDiscrepancy: true,
  getGenerationStats: true,
  detectAnomalies: true,
  cleanupExpiredRateLimits: true,
  archiveExpiredMedia: true,
  forgetArchivedFiles: true,
  trimHistory: true,
  claimUpkeep: true,
} as const satisfies Record<keyof Upkeep, true>

/** Whether there is anything to keep up: a database in memory goes with its process. */
export function hasUpkeep(database: Database): database is Database & Upkeep {
  return Object.keys(METHODS).every(name => database[name as keyof Upkeep] !== undefined)
}

async function reconcile({ database, log }: UpkeepParts, whole: boolean): Promise<void> {
  const { summary } = await database.reconcileCreditLedger({ whole })
  const { discrepancies, accountsAffected, accountsChecked, entriesChecked } = summary
  if (discrepancies > 0) log('error', 'the books do not add up', { discrepancies, accounts: accountsAffected })
  else log('info', 'the books add up', { accounts: accountsChecked, entries: entriesChecked, whole })
}

async function tellOfAnomalies({ database, log }: UpkeepParts): Promise<void> {
  const kinds = Map.groupBy(await database.detectAnomalies(), ({ kind }) => kind)
  for (const [kind, { length }] of kinds) log('warn', 'something to look at', { kind, count: length })
}

/** The row says first that the file is gone. What is not deleted now is named again the next time. */
async function archive({ database, media, log, signal }: UpkeepParts): Promise<void> {
  let archived = 0
  for (let step = 0; step < STEPS_MAX && !signal.aborted; step++) {
    const { done, more, keys } = await database.archiveExpiredMedia()
    archived += done
    const { gone, trouble } = await deleteFiles(media, keys, signal)
    if (gone.length > 0) await database.forgetArchivedFiles(gone)
    if (trouble) log('error', 'files of archived media could not be deleted', trouble)
    if (!more || trouble) break
  }
  if (archived > 0) log('info', 'media were archived', { count: archived })
}

async function deleteFiles(media: MediaStore, keys: readonly string[], signal: AbortSignal) {
  const gone: string[] = []
  let trouble: ReturnType<typeof describe> | undefined
  for (const key of keys) {
    if (signal.aborted) break
    try {
      await media.delete(key)
      gone.push(key)
    } catch (error) {
      trouble = describe(error)
    }
  }
  return { gone, trouble: trouble && { ...trouble, files: keys.length - gone.length } }
}

async function trim({ database, log, signal }: UpkeepParts): Promise<void> {
  let trimmed = 0
  for (let step = 0; step < STEPS_MAX && !signal.aborted; step++) {
    const { done, more } = await database.trimHistory()
    trimmed += done
    if (!more) break
  }
  if (trimmed > 0) log('info', 'history was trimmed', { rows: trimmed })
}

async function forgetLimits({ database, log }: UpkeepParts): Promise<void> {
  const forgotten = await database.cleanupExpiredRateLimits()
  if (forgotten > 0) log('info', 'rate limits were forgotten', { keys: forgotten })
}
