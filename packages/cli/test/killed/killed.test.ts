/**
 * The crash suite with processes that really die: SIGKILL at a moment that a seed chooses, over PGlite in a directory and
 * files on a disk; then another process opens the same directory, finishes, and checks the books.
 */
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { scenarios } from '@safelight/core/testing'
import { expect, test } from 'vitest'
import { folderWithDatabase } from '../processes.ts'
import type { Order } from './process.ts'

const PROCESS = fileURLToPath(new URL('process.ts', import.meta.url))
/** Every scenario once, each at another moment; the next run of the suite in memory tries all of them. */
const MOMENTS = scenarios.map((scenario, index) => ({
  scenario: scenario.name,
  dies: { index: (index * 7 + 3) % 19, phase: index % 2 === 0 ? ('after' as const) : ('before' as const) },
}))

test.each(MOMENTS)(
  '$scenario: killed $dies.phase call $dies.index',
  { timeout: 60_000 },
  async ({ scenario, dies }) => {
    const directory = `${await folderWithDatabase()}/.safelight`
    const first = await run({ directory, scenario, dies })
    // A scenario that ends before its moment comes has nothing to be killed in.
    expect(first.signal === 'SIGKILL' || first.code === 0, first.stderr).toBe(true)
    const second = await run({ directory, scenario, dies: null })
    expect(second, second.stderr).toMatchObject({ code: 0 })
  },
)

interface Ended {
  code: number | null
  signal: string | null
  stderr: string
}

function run(order: Order): Promise<Ended> {
  const args = ['--conditions=@safelight/source', PROCESS, JSON.stringify(order)]
  return new Promise(resolve => {
    const child = execFile(process.execPath, args, (_error, _stdout, stderr) =>
      resolve({ code: child.exitCode, signal: child.signalCode, stderr }),
    )
  })
}
