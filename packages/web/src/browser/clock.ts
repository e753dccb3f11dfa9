/** One clock for the whole page, running only while somebody looks at it. */
import { useSyncExternalStore } from 'react'

const listeners = new Set<() => void>()
let now = Date.now()
let timer: ReturnType<typeof setInterval> | undefined

function tick(): void {
  now = Date.now()
  for (const listener of listeners) listener()
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener)
  if (listeners.size === 1) {
    now = Date.now()
    timer = setInterval(tick, 1000)
  }
  return () => {
    listeners.delete(listener)
    if (listeners.size === 0) clearInterval(timer)
  }
}

const never = () => () => {}

/** Milliseconds since 1970, anew each second while `running`. */
export function useNow(running = true): number {
  return useSyncExternalStore(running ? subscribe : never, () => now)
}
