/**
 * The rules of the token pool under a virtual clock: ten accounts with limits they do not tell, three ways of counting, five
 * seeds. Then three servers that share what they learn through a real Postgres, with a minute made a second. Both are
 * measured against what the accounts allow together.
 */
import { COUNTINGS, type PoolOutcome, poolScenarios, simulatePool } from '@safelight/core/testing'
import { measure } from '../../../postgres/bench/pool.ts'
import { row } from './numbers.ts'

const SEEDS = [3, 5, 7, 13, 17]

export async function run(options: readonly string[]): Promise<void> {
  if (!options.includes('--servers')) virtually()
  if (!options.includes('--virtual')) await together()
}

async function together(): Promise<void> {
  const { used, refused, deadSubmits, failed } = await measure()
  console.log('three servers on one Postgres, one of six keys dead; a minute is a second')
  console.log(row('  of what the accounts allow, unused', 100 - used * 100, '%', 5))
  console.log(row('  turned away, of 1,000 submits', refused, '', 10))
  console.log(row('  submits with the dead key', deadSubmits, '', 2))
  console.log(row('  given up though a key worked', failed, '', 0))
}

function virtually(): void {
  for (const [name, scenario] of Object.entries(poolScenarios)) {
    const outcomes = SEEDS.flatMap(seed => COUNTINGS.map(counting => simulatePool(scenario({ seed, counting }))))
    const mean = (of: (outcome: PoolOutcome) => number) =>
      outcomes.reduce((sum, each) => sum + of(each), 0) / outcomes.length
    console.log(`${name}: means of ${outcomes.length} runs`)
    console.log(
      row('  of what the accounts allow, unused', 100 - mean(({ goodput }) => goodput) * 100, '%', UNUSED[name]),
    )
    console.log(
      row(
        '  turned away, of 1,000 submits',
        mean(({ refused }) => refused),
        '',
        REFUSED[name] ?? 5,
      ),
    )
    console.log(
      row(
        '  longest wait but for one in a hundred',
        mean(({ waitP99Seconds }) => waitP99Seconds),
        's',
      ),
    )
    if (name === 'dead')
      console.log(
        row('  submits with the dead key, at most', Math.max(...outcomes.map(each => each.deadSubmits)), '', 2),
      )
  }
}

/** Where less is asked for than there is, how much stays unused says nothing. */
const UNUSED: Partial<Record<string, number>> = { crowded: 3, silent: 3, strict: 5, narrow: 5 }
const REFUSED: Partial<Record<string, number>> = { calm: 1 }
