/** A value that lives outside React, so that it survives a change of view; kept for the tab's or browser's life on demand. */
import { useSyncExternalStore } from 'react'

export interface Store<Value> {
  get(): Value
  set(next: Value | ((now: Value) => Value)): void
  subscribe(listener: () => void): () => void
}

export interface Keeping<Value> {
  key: string
  in: 'sessionStorage' | 'localStorage'
  /** Makes a value of what was kept, by this or an older version of the page. */
  revive(kept: unknown): Value
}

export function createStore<Value>(initial: Value, keeping?: Keeping<Value>): Store<Value> {
  let value = keeping ? (recall(keeping) ?? initial) : initial
  const listeners = new Set<() => void>()
  return {
    get: () => value,
    set(next) {
      value = typeof next === 'function' ? (next as (now: Value) => Value)(value) : next
      if (keeping) keep(keeping, value)
      for (const listener of listeners) listener()
    },
    subscribe(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
  }
}

export function useStore<Value>(store: Store<Value>): Value {
  return useSyncExternalStore(store.subscribe, store.get)
}

function recall<Value>(keeping: Keeping<Value>): Value | null {
  try {
    const kept = window[keeping.in].getItem(keeping.key)
    return kept === null ? null : keeping.revive(JSON.parse(kept))
  } catch {
    // Storage is switched off, or holds what somebody else wrote: start afresh.
    return null
  }
}

function keep<Value>(keeping: Keeping<Value>, value: Value): void {
  try {
    window[keeping.in].setItem(keeping.key, JSON.stringify(value))
  } catch {
    // Full or switched off: the value still lives as long as the page.
  }
}
