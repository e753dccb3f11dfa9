import { expect, test } from 'vitest'
import { calm, COUNTINGS, crowded, dead, narrow, silent, strict } from './scenarios.ts'
import { type Outcome, type Scenario, simulate } from './simulation.ts'

/** `pnpm bench pool` runs all of them with more seeds. */
function runs(
  scenario: (given: Pick<Scenario, 'seed' | 'counting'>) => Scenario,
  { countings = COUNTINGS, seeds = [11] } = {},
): Outcome[] {
  return seeds.flatMap(seed => countings.map(counting => simulate(scenario({ seed, counting }))))
}
const mean = (outcomes: readonly Outcome[], of: (outcome: Outcome) => number) =>
  outcomes.reduce((sum, outcome) => sum + of(outcome), 0) / outcomes.length

test('more than there is room for: nearly all of it is used, and hardly anyone is turned away', () => {
  const outcomes = runs(crowded, { seeds: [11, 23] })
  expect(mean(outcomes, ({ goodput }) => goodput)).toBeGreaterThan(0.97)
  expect(mean(outcomes, ({ refused }) => refused)).toBeLessThan(5)
})

test('with room to spare nobody waits long', () => {
  const outcomes = runs(calm)
  expect(mean(outcomes, ({ refused }) => refused)).toBeLessThan(1)
  expect(Math.max(...outcomes.map(({ waitP99Seconds }) => waitP99Seconds))).toBeLessThan(2)
})

test('where nobody says how long to wait, limits that were configured do', () => {
  const outcomes = runs(silent)
  expect(mean(outcomes, ({ goodput }) => goodput)).toBeGreaterThan(0.97)
  expect(mean(outcomes, ({ refused }) => refused)).toBeLessThan(5)
})

test('where being turned away counts as well, nobody is locked out', () => {
  expect(mean(runs(strict, { countings: ['sliding'] }), ({ goodput }) => goodput)).toBeGreaterThan(0.95)
})

test('how many at once is learned too', () => {
  const outcomes = runs(given => ({ ...narrow(given), minutes: 20, warmUpMinutes: 8 }), { countings: ['sliding'] })
  expect(mean(outcomes, ({ goodput }) => goodput)).toBeGreaterThan(0.95)
  expect(mean(outcomes, ({ refused }) => refused)).toBeLessThan(5)
})

test('a dead key costs two submits, and nobody their picture', () => {
  for (const outcome of runs(dead)) {
    expect(outcome.deadSubmits).toBeLessThanOrEqual(2)
    expect(outcome.lost).toBe(0)
  }
})
