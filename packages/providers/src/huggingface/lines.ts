/** Which key goes where. An `hf_` token meets the router and nobody else; a key of a party's own meets that party only. */
import type { Token } from '@safelight/core'
import { createApi, type Api } from '@safelight/core/adapter'
import { falAi } from './parties/fal-ai.ts'
import { hfInference } from './parties/hf-inference.ts'
import { nscale } from './parties/nscale.ts'
import { bearer, type Line, type Party } from './parties/party.ts'
import { replicate } from './parties/replicate.ts'
import { together } from './parties/together.ts'
import { wavespeed } from './parties/wavespeed.ts'
import { PARTY_IDS, type PartyId } from './routes.ts'

export const parties: Readonly<Record<PartyId, Party>> = {
  'fal-ai': falAi,
  wavespeed,
  replicate,
  nscale,
  together,
  'hf-inference': hfInference,
}

/** Tokens of Hugging Face; the second are old ones of organisations. */
export function isHubToken(secret: string): boolean {
  return /^(?:hf_|api_org_)/.test(secret)
}

/** Keys that show whose they are. */
const SHAPES: readonly [RegExp, PartyId][] = [
  [/^r8_/, 'replicate'],
  [/^tgp_v\d_/, 'together'],
  [/^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}:[0-9a-f]+$/i, 'fal-ai'],
]

/** A key of a party's own, and whose it is: as its shape shows, or as `<party>:<key>` says. Null for anybody's. */
export function ownKey(secret: string): { party: PartyId | null; key: string } {
  const named = PARTY_IDS.find(id => secret.startsWith(`${id}:`))
  if (named) return { party: named, key: secret.slice(named.length + 1) }
  return { party: SHAPES.find(([shape]) => shape.test(secret))?.[1] ?? null, key: secret }
}

export interface Lines {
  /** Null where this key may not go to this party. */
  to(party: PartyId, token: Token): Line | null
}

export function createLines({ routerUrl, billTo }: { routerUrl: string; billTo: string | undefined }): Lines {
  const routed = new Map<PartyId, Api>()
  const direct = new Map<PartyId, Api>()
  const bill: Record<string, string> = billTo === undefined ? {} : { 'x-hf-bill-to': billTo }
  for (const { id, direct: own } of Object.values(parties)) {
    routed.set(
      id,
      createApi({ base: `${routerUrl}/${id}`, authorize: ({ secret }) => ({ ...bearer(secret), ...bill }) }),
    )
    if (own) direct.set(id, createApi({ base: own.base, authorize: ({ secret }) => own.authorize(ownKey(secret).key) }))
  }
  return {
    to(party, { secret }) {
      const isRouted = isHubToken(secret)
      const owner = isRouted ? null : ownKey(secret).party
      if (owner !== null && owner !== party) return null
      const api = (isRouted ? routed : direct).get(party)
      return api ? { api, isRouted } : null
    },
  }
}
