/** Who does the tasks, and when: any number of servers may try, and one of them gets each turn. */
import type { Studio } from '@safelight/core'
import { describe } from '../http/problems.ts'
import type { Log } from '../options.ts'
import { hasUpkeep, type Task, TASKS } from './tasks.ts'

/** The first look after a start comes within this time, and never at once: whoever is asked for something comes first. */
const FIRST_WITHIN_SECONDS = 60
/** A turn that was somebody else's is asked for again within this time, however long its interval is. */
const ASK_WITHIN_SECONDS = 3600
/** Added to each pause, so that servers that were started together do not ask together for ever. */
const JITTER_SHARE = 0.1
/** How long a turn may go on that somebody waits for. */
const SWEEP_SECONDS = 15

export interface UpkeepRunner {
  /** Does these tasks as far as it is this server's turn. Never throws: trouble goes to the log. */
  run(tasks: readonly Task[], signal: AbortSignal): Promise<void>
}

/** Null for a database that has none. */
export function createUpkeep({ database, media }: Pick<Studio, 'database' | 'media'>, log: Log): UpkeepRunner | null {
  if (!hasUpkeep(database)) return null
  return {
    async run(tasks, signal) {
      for (const task of tasks) {
        if (signal.aborted) return
        try {
          const isOurs = await database.claimUpkeep(task.name, task.everySeconds)
          if (isOurs) await task.run({ database, media, log, signal })
        } catch (error) {
          log('error', 'upkeep failed', { task: task.name, ...describe(error) })
        }
      }
    },
  }
}

/** For platforms that call us now and then instead of letting a process run: all that is due, for as long as they wait. */
export async function sweepUpkeep(upkeep: UpkeepRunner | null, stopping: AbortSignal): Promise<void> {
  await upkeep?.run(TASKS, AbortSignal.any([stopping, AbortSignal.timeout(SWEEP_SECONDS * 1000)]))
}

/** Asks for a turn of every task, again and again until aborted, and ends when the step under way has ended. */
export async function keepUp(upkeep: UpkeepRunner | null, signal: AbortSignal): Promise<void> {
  if (!upkeep) return
  const dueAt = new Map(TASKS.map(task => [task, Date.now() + Math.random() * FIRST_WITHIN_SECONDS * 1000]))
  while (!signal.aborted) {
    await pause(Math.min(...dueAt.values()) - Date.now(), signal)
    const due = TASKS.filter(task => (dueAt.get(task) ?? 0) <= Date.now())
    await upkeep.run(due, signal)
    for (const task of due) {
      const pauseSeconds = Math.min(task.everySeconds, ASK_WITHIN_SECONDS) * (1 + Math.random() * JITTER_SHARE)
      dueAt.set(task, Date.now() + pauseSeconds * 1000)
    }
  }
}

/** Until then, or until the abort. */
function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise(resolve => {
    if (signal.aborted) return resolve()
    const end = () => {
      clearTimeout(timer)
      signal.removeEventListener('abort', end)
      resolve()
    }
    const timer = setTimeout(end, Math.max(0, ms))
    signal.addEventListener('abort', end)
  })
}
