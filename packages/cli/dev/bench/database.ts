/**
 * What the database costs when it is busy: `pnpm bench database`, or some parts of it: `pnpm bench database limiter growth`.
 * A real Postgres that waits for the disk at every commit, 16 connections, contenders in turns, medians. Ratios within this
 * run are what counts; seconds depend on the machine. The process fails where a goal is missed.
 */
import { growth } from './database/growth.ts'
import { hotUser } from './database/hot-user.ts'
import { limiter } from './database/limiter.ts'
import { postgrest } from './database/postgrest.ts'
import { processes } from './database/processes.ts'

const PARTS: Record<string, () => Promise<void>> = { limiter, growth, 'hot-user': hotUser, processes, postgrest }

export async function run(options: readonly string[]): Promise<void> {
  const unknown = options.find(option => !Object.hasOwn(PARTS, option))
  if (unknown !== undefined) throw new Error(`There is no "${unknown}"; there are ${Object.keys(PARTS).join(', ')}.`)
  for (const [name, part] of Object.entries(PARTS)) {
    if (options.length === 0 || options.includes(name)) await part()
  }
}
