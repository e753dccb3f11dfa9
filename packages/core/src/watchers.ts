/** Who wants to hear of changes in this process. */
export interface Watchers<Change> {
  tell(id: string, change: Change): void
  watch(listener: (change: Change) => void): () => void
  /** Resolves at the next change of this id. Stop it, or it listens for ever. */
  changeOf(id: string): { next: Promise<void>; stop(): void }
}

export function createWatchers<Change>(): Watchers<Change> {
  const everything = new Set<(change: Change) => void>()
  const single = new Map<string, Set<() => void>>()
  return {
    tell(id, change) {
      for (const listener of everything) listener(change)
      for (const listener of single.get(id) ?? []) listener()
    },
    watch(listener) {
      everything.add(listener)
      return () => everything.delete(listener)
    },
    changeOf(id) {
      const { promise: next, resolve } = Promise.withResolvers<void>()
      const listeners = single.get(id) ?? new Set()
      single.set(id, listeners.add(resolve))
      const stop = () => {
        listeners.delete(resolve)
        if (listeners.size === 0 && single.get(id) === listeners) single.delete(id)
      }
      return { next, stop }
    },
  }
}
