/** Implementations with one mistake each: what a suite is for, it has to notice. */
import type { Case, Harness, Make } from '../suite.ts'

/** A mistake, and the case that has to fail because of it (others may fail too). */
export interface Broken<Made extends Harness> {
  name: string
  caughtBy: string
  /** The harness with the mistake in it. */
  breaks: (harness: Made) => Made
}

/** The names of the cases that a broken implementation does not pass. */
export async function failuresOf<Made extends Harness>(
  cases: (make: Make<Made>) => Case[],
  make: Make<Made>,
  { breaks }: Broken<Made>,
): Promise<string[]> {
  const failed: string[] = []
  for (const { name, run } of cases(async () => breaks(await make()))) {
    await run().catch(() => failed.push(name))
  }
  return failed
}

/** Long enough for everybody else to get in between. */
export function pause(): Promise<void> {
  return new Promise(resolve => void setImmediate(resolve))
}
