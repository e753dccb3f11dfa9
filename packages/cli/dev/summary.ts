/**
 * A reporter whose one line closes every test run: `N passed, N failed, N skipped`, the form that any machine reads.
 * Where told so, as in CI, a skipped test fails the run: what nobody runs proves nothing.
 */
import type { Reporter, TestModule } from 'vitest/node'

export interface Counts {
  passed: number
  failed: number
  skipped: number
}

/** A file that could not be loaded, and an error outside any test, count as one failure each. */
export function countTests(modules: readonly TestModule[], errorsOutside: number): Counts {
  const counts: Counts = { passed: 0, failed: errorsOutside, skipped: 0 }
  for (const module of modules) {
    const broken = module.errors().length
    for (const suite of module.children.allSuites()) counts.failed += suite.errors().length > 0 ? 1 : 0
    for (const test of module.children.allTests()) {
      const { state } = test.result()
      // A test that never got a result did not run, whatever the reason.
      counts[state === 'pending' ? 'skipped' : state] += 1
    }
    if (broken > 0) counts.failed += 1
  }
  return counts
}

export function closingLine({ passed, failed, skipped }: Counts): string {
  return `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`
}

/** Printed last: list it behind the other reporters. */
export class Summary implements Reporter {
  readonly #skippedFails: boolean
  constructor(options: { skippedFails: boolean }) {
    this.#skippedFails = options.skippedFails
  }

  onTestRunEnd(modules: readonly TestModule[], errorsOutside: readonly unknown[]): void {
    const counts = countTests(modules, errorsOutside.length)
    if (counts.skipped > 0 && this.#skippedFails) {
      process.exitCode = 1
      process.stdout.write('A skipped test fails the run here.\n')
    }
    process.stdout.write(`${closingLine(counts)}\n`)
  }
}
