/** A small seeded generator, so that a random failure can be seen again. */
import type { PropertyOptions } from './suite.ts'

export interface Random {
  /** Both ends included. */
  integer: (min: number, max: number) => number
  pick: <Item>(items: readonly [Item, ...Item[]]) => Item
  chance: (probability: number) => boolean
}

/** Mulberry32: short, and good enough to choose test cases with. */
export function randomOf(seed: number): Random {
  let state = seed >>> 0
  function next(): number {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
  const integer = (min: number, max: number) => min + Math.floor(next() * (max - min + 1))
  return {
    integer,
    pick: items => items[integer(0, items.length - 1)] ?? items[0],
    chance: probability => next() < probability,
  }
}

/** Runs `check` with one random source after another; a failure names the seed that repeats it in its first run. */
export async function property(
  { seed = Math.floor(Math.random() * 2 ** 31), runs = 5 }: PropertyOptions,
  check: (random: Random) => Promise<void>,
): Promise<void> {
  for (let run = 0; run < runs; run++) {
    try {
      await check(randomOf(seed + run))
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error)
      throw new Error(`With { seed: ${seed + run} }: ${reason}`, { cause: error })
    }
  }
}
