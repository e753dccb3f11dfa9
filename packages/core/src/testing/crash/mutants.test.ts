/** Each mutant is the real engine with one line changed, in a folder beside it, under the whole crash suite. */
import { cp, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, expect, test } from 'vitest'
import type { createStudio } from '../../create-studio.ts'
import { crashCases } from './cases.ts'
import { memoryHarness } from './memory-harness.ts'
import { type Mutant, mutants } from './mutants.ts'

const source = fileURLToPath(new URL('../..', import.meta.url))
const nursery = fileURLToPath(new URL('../../../.mutants', import.meta.url))

afterAll(() => rm(nursery, { recursive: true, force: true }))

for (const [index, mutant] of mutants.entries()) {
  test(`caught: ${mutant.name}`, { timeout: 120_000 }, async () => {
    const create = await breed(mutant, join(nursery, String(index)))
    expect(await catches(create, mutant)).not.toBeNull()
  })
}

async function breed({ file, find, replace }: Mutant, home: string): Promise<typeof createStudio> {
  await cp(source, home, { recursive: true, filter: path => !path.includes('testing') })
  const text = await readFile(join(home, file), 'utf8')
  expect(text.split(find).length, `${file} has the line once`).toBe(2)
  await writeFile(
    join(home, file),
    text.replace(find, () => replace),
  )
  const engine = (await import(join(home, 'create-studio.ts'))) as { createStudio: typeof createStudio }
  return engine.createStudio
}

/** The first complaint; null where the mutant got away. */
async function catches(create: typeof createStudio, { hint }: Mutant): Promise<string | null> {
  const cases = [false, true].flatMap(separate => crashCases(memoryHarness, { createStudio: create, separate }))
  const likely = cases.filter(({ name }) => name.includes(hint))
  expect(likely.length, 'the hint names a case').toBeGreaterThan(0)
  for (const { run } of [...likely, ...cases]) {
    try {
      await run()
    } catch (error) {
      return String(error)
    }
  }
  return null
}
