/** Which webhook deliveries were dealt with, over SQL functions. */
import type { Deliveries } from '@safelight/core'
import type { SqlDriver } from './driver.ts'

export function deliveries(call: SqlDriver['call']): Deliveries {
  return {
    seen: (provider, deliveryId) => call<boolean>('has_seen_delivery', { provider, delivery_id: deliveryId }),
    async remember(provider, deliveryId) {
      await call('remember_delivery', { provider, delivery_id: deliveryId })
    },
  }
}
