/** Deliveries that were dealt with, the last of them. */
import type { Deliveries } from '../contracts.ts'

const KEPT = 10_000

export function memoryDeliveries(): Deliveries {
  const kept = new Set<string>()
  const keyOf = (provider: string, deliveryId: string) => JSON.stringify([provider, deliveryId])
  return {
    seen: async (provider, deliveryId) => kept.has(keyOf(provider, deliveryId)),
    async remember(provider, deliveryId) {
      kept.add(keyOf(provider, deliveryId))
      if (kept.size > KEPT) kept.delete(kept.values().next().value!)
    },
  }
}
