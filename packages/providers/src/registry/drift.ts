/** How far the vendors' endpoints have moved away from what our routes send. */
import type { Listing, Price } from './documents.ts'
import { misfitsOf, type Misfit } from './schema.ts'
import type { RouteUse } from './uses.ts'

/** One thing that is not as our route takes it to be. */
export interface Finding {
  provider: string
  endpoint: string
  models: string[]
  problem: 'endpoint_gone' | 'price_changed' | Misfit['problem']
  field: string | null
  /** Continues "<field> …" or "<endpoint> …". */
  detail: string
}

/** What one look at the vendors found. */
export interface DriftReport {
  findings: Finding[]
  /** Endpoints of which nobody can say anything. */
  unread: { provider: string; endpoint: string; reason: string }[]
  /** By `<provider> <endpoint>`. */
  prices: Record<string, Price>
  checked: number
}

/**
 * Compares what our routes send with what the vendors say today. `before` are the prices of an earlier report: those that
 * changed since are findings.
 */
export function driftOf(
  uses: readonly RouteUse[],
  listingOf: (use: RouteUse) => Listing,
  before: DriftReport['prices'] = {},
): DriftReport {
  const report: DriftReport = { findings: [], unread: [], prices: {}, checked: 0 }
  for (const use of uses) {
    const { provider, endpoint } = use
    const listing = listingOf(use)
    if (listing.status === 'unread') {
      report.unread.push({ provider, endpoint, reason: listing.reason })
      continue
    }
    report.checked += 1
    if (listing.status === 'listed' && listing.price) report.prices[keyOf(use)] = listing.price
    report.findings.push(...findingsOf(use, listing, before[keyOf(use)]))
  }
  return report
}

function findingsOf(
  use: RouteUse,
  listing: Exclude<Listing, { status: 'unread' }>,
  before: Price | undefined,
): Finding[] {
  const { provider, endpoint, models, bodies } = use
  const about = { provider, endpoint, models }
  if (listing.status === 'gone')
    return [{ ...about, problem: 'endpoint_gone', field: null, detail: 'is not listed any more' }]
  const misfits = bodies.flatMap(body => misfitsOf(listing.input, body))
  // The samples differ in little, so most of what is wrong is wrong in many of them.
  const distinct = new Map(misfits.map(misfit => [JSON.stringify(misfit), misfit])).values()
  return [...Array.from(distinct, misfit => ({ ...about, ...misfit })), ...priceFinding(about, before, listing.price)]
}

function priceFinding(
  about: Pick<Finding, 'provider' | 'endpoint' | 'models'>,
  before: Price | undefined,
  now: Price | null,
): Finding[] {
  if (!before || !now) return []
  if (before.amount === now.amount && before.currency === now.currency && before.unit === now.unit) return []
  const detail = `costs ${priceText(now)}, and cost ${priceText(before)}`
  return [{ ...about, problem: 'price_changed', field: null, detail }]
}

/** As in `0.025 USD per megapixel`. */
export function priceText({ amount, currency, unit }: Price): string {
  return `${amount} ${currency} per ${unit}`
}

function keyOf({ provider, endpoint }: RouteUse): string {
  return `${provider} ${endpoint}`
}
