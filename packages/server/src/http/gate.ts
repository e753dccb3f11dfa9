/** At most so many of something for each key at once. */
export interface Gate {
  /** The way out again; null where there is no room. Leaving twice is leaving once. */
  enter(key: string): (() => void) | null
}

export function createGate(max: number): Gate {
  const inside = new Map<string, number>()
  return {
    enter(key) {
      const count = inside.get(key) ?? 0
      if (count >= max) return null
      inside.set(key, count + 1)
      let left = false
      return () => {
        if (left) return
        left = true
        const remaining = (inside.get(key) ?? 1) - 1
        if (remaining > 0) inside.set(key, remaining)
        else inside.delete(key)
      }
    },
  }
}
