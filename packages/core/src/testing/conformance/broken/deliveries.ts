import type { Deliveries } from '../../../contracts.ts'
import type { DeliveriesHarness } from '../deliveries.ts'
import type { Broken } from './broken.ts'

function broken(
  name: string,
  caughtBy: string,
  mistake: (good: Deliveries) => Partial<Deliveries>,
): Broken<DeliveriesHarness> {
  return {
    name,
    caughtBy,
    breaks: harness => ({ ...harness, deliveries: { ...harness.deliveries, ...mistake(harness.deliveries) } }),
  }
}

export const brokenDeliveries: readonly Broken<DeliveriesHarness>[] = [
  broken(
    'remembers on being asked',
    'a delivery is seen once it is remembered, and not because somebody asked',
    good => ({
      async seen(provider, deliveryId) {
        const before = await good.seen(provider, deliveryId)
        await good.remember(provider, deliveryId)
        return before
      },
    }),
  ),

  broken('knows ids and no providers', 'providers number their deliveries alike', good => ({
    seen: (_provider, deliveryId) => good.seen('all', deliveryId),
    remember: (_provider, deliveryId) => good.remember('all', deliveryId),
  })),

  broken('glues name and id together', 'where a name ends and an id begins is clear', good => ({
    seen: (provider, deliveryId) => good.seen('all', `${provider}:${deliveryId}`),
    remember: (provider, deliveryId) => good.remember('all', `${provider}:${deliveryId}`),
  })),

  broken('complains about the second time', 'remembering twice, also at once, is fine', good => ({
    async remember(provider, deliveryId) {
      if (await good.seen(provider, deliveryId)) throw new Error('duplicate key')
      await good.remember(provider, deliveryId)
    },
  })),

  broken('keeps the last ten', 'a delivery is known for a day, however many come after it', good => {
    const kept: string[] = []
    return {
      async seen(provider, deliveryId) {
        return kept.slice(-10).includes(JSON.stringify([provider, deliveryId])) && good.seen(provider, deliveryId)
      },
      async remember(provider, deliveryId) {
        kept.push(JSON.stringify([provider, deliveryId]))
        await good.remember(provider, deliveryId)
      },
    }
  }),
]
