/** Chance that comes out the same every time: everything is drawn from a hash of the words and the seed. */

/** A 32-bit hash (FNV-1a, then mixed so that similar texts come out far apart). */
export function hashOf(text: string): number {
  let hash = 0x811c_9dc5
  for (let index = 0; index < text.length; index += 1) {
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x0100_0193)
  }
  return mix(hash)
}

/** Scrambles 32 bits; every input bit changes about half of the output. */
export function mix(value: number): number {
  let bits = value | 0
  bits = Math.imul(bits ^ (bits >>> 16), 0x21f0_aaad)
  bits = Math.imul(bits ^ (bits >>> 15), 0x735a_2d97)
  return (bits ^ (bits >>> 15)) >>> 0
}

/** A hash as a number from 0 up to, not including, 1. */
export function unit(hash: number): number {
  return (hash >>> 0) / 0x1_0000_0000
}

/** A sequence of chance numbers with a few ways to ask. */
export interface Chance {
  /** From 0 up to 1. */
  next(): number
  between(low: number, high: number): number
  whole(low: number, high: number): number
  pick<Item>(items: readonly Item[]): Item
  /** A sequence of its own, so that drawing one thing never shifts another. */
  fork(name: string): Chance
}

/** Starts a sequence (mulberry32). */
export function chanceOf(seed: number): Chance {
  let state = seed >>> 0
  const next = (): number => {
    state = (state + 0x6d2b_79f5) >>> 0
    return unit(mix(state))
  }
  return {
    next,
    between: (low, high) => low + (high - low) * next(),
    whole: (low, high) => low + Math.floor((high - low + 1) * next()),
    pick<Item>(items: readonly Item[]): Item {
      return items[Math.floor(next() * items.length)] as Item
    },
    fork: name => chanceOf(mix(seed ^ hashOf(name))),
  }
}
