import { randomUUID } from 'node:crypto'
import type { CreditLedger } from '../../../contracts.ts'
import type { LedgerHarness } from '../ledger-steps.ts'
import { type Broken, pause } from './broken.ts'

function broken(
  name: string,
  caughtBy: string,
  mistake: (good: CreditLedger) => Partial<CreditLedger>,
): Broken<LedgerHarness> {
  return {
    name,
    caughtBy,
    breaks: harness => ({ ...harness, ledger: { ...harness.ledger, ...mistake(harness.ledger) } }),
  }
}

/** Whose charge a reference is: what a ledger would know from its rows. */
function remembering(good: CreditLedger) {
  const owners = new Map<string, string>()
  const charge: CreditLedger['charge'] = async request => {
    const answer = await good.charge(request)
    if (answer.outcome === 'charged') owners.set(request.reference, request.userId)
    return answer
  }
  const give = (reference: string, amount: number) =>
    good.grant({ userId: owners.get(reference)!, amount, key: randomUUID(), description: 'By mistake' })
  return { owners, charge, give }
}

export const brokenLedgers: readonly Broken<LedgerHarness>[] = [
  broken('refunds as often as it is asked', 'a refund gives the whole charge back, once', good => {
    const { charge, give } = remembering(good)
    return {
      charge,
      async refund(refund) {
        const answer = await good.refund(refund)
        if (answer.outcome !== 'replayed') return answer
        const { balance } = await give(refund.reference, answer.refunded)
        return { outcome: 'refunded', refunded: answer.refunded, balance }
      },
    }
  }),

  broken("takes the caller's word for the amount", 'no refund gives more than was charged, or takes anything', good => {
    const { charge, give } = remembering(good)
    return {
      charge,
      async refund(refund) {
        const answer = await good.refund(refund)
        const more = (refund.amount ?? 0) - answer.refunded
        if (answer.outcome === 'refunded' && more > 0) await give(refund.reference, Math.ceil(more))
        return answer
      },
    }
  }),

  broken(
    'forgets a refund that found nothing',
    'a refund before its charge closes the reference: the late charge takes nothing',
    good => {
      const { owners, charge } = remembering(good)
      return {
        charge,
        refund: async refund =>
          owners.has(refund.reference)
            ? good.refund(refund)
            : { outcome: 'nothing_charged', refunded: 0, balance: null },
      }
    },
  ),

  broken('charges again after a refund', 'a charge after its refund takes nothing', good => ({
    async charge(charge) {
      const answer = await good.charge(charge)
      return answer.outcome === 'refunded' ? good.charge({ ...charge, reference: randomUUID() }) : answer
    },
  })),

  broken(
    'looks for an earlier charge first and charges later',
    'of 30 grants, charges and refunds at once under one key one happens',
    good => {
      const charged = new Set<string>()
      return {
        async charge(charge) {
          if (charged.has(charge.reference)) return good.charge(charge)
          await pause()
          const again = charged.has(charge.reference)
          charged.add(charge.reference)
          return good.charge(again ? { ...charge, reference: randomUUID() } : charge)
        },
      }
    },
  ),

  broken(
    'reads the balance first and takes later',
    'of 40 charges at once exactly as many land as there are credits for',
    good => ({
      async charge(charge) {
        const { userId, amount } = charge
        if ((await good.balance(userId)) < amount) return good.charge(charge)
        await pause()
        const short = amount - (await good.balance(userId))
        if (short > 0) await good.grant({ userId, amount: short, key: randomUUID(), description: 'Overdrawn' })
        return good.charge(charge)
      },
    }),
  ),

  broken(
    'takes another charge under the same reference for the same',
    'another charge under the same reference is a conflict',
    good => ({
      async charge(charge) {
        const answer = await good.charge(charge)
        return answer.outcome === 'conflict' ? { ...answer, outcome: 'replayed' } : answer
      },
    }),
  ),

  broken(
    'gives back the whole where a part was asked for',
    'a part of a charge is refunded once, and the rest stays taken',
    good => ({
      refund: ({ reference, reason }) => good.refund({ reference, reason }),
    }),
  ),

  broken(
    'keeps a balance that is not the sum of its entries',
    'random histories: every answer and every balance is the one that was due',
    good => {
      const kept = new Map<string, number>()
      return {
        async charge(charge) {
          const answer = await good.charge(charge)
          if (answer.outcome === 'charged') kept.set(charge.userId, answer.balance)
          return answer
        },
        balance: async userId => kept.get(userId) ?? good.balance(userId),
      }
    },
  ),

  broken('makes accounts for whoever comes', 'somebody without an account is charged nothing', good => ({
    async charge(charge) {
      const answer = await good.charge(charge)
      return answer.outcome === 'no_account' ? { outcome: 'insufficient_credits', balance: 0 } : answer
    },
  })),

  broken('pages by counting', 'entries written between two pages move nothing', good => ({
    async entries({ cursor, ...query }) {
      const start = Number(cursor ?? 0)
      const { items } = await good.entries({ ...query, limit: 1000 })
      const end = start + query.limit
      return { items: items.slice(start, end), nextCursor: end < items.length ? String(end) : null }
    },
  })),
]
