/** What the person is about to order: kept for the tab's life, and turned into a request or the reason why not. */
import { createStore } from './browser/store.ts'
import { text } from './messages.ts'
import type { Account, JobRequest, Kind, Media, Model, Size, SizeId } from './api/types.ts'

export const PROMPT_MAX_CHARACTERS = 2000
const SEED_MAX = 2n ** 63n - 1n

export interface Draft {
  kind: Kind
  /** The model last picked for each kind. */
  models: Partial<Record<Kind, string>>
  prompt: string
  size: SizeId
  duration: number | null
  style: string | null
  image: Media | null
  count: number
  /** Digits, or empty for any. */
  seed: string
}

const fresh: Draft = {
  kind: 'image',
  models: {},
  prompt: '',
  size: 'square',
  duration: null,
  style: null,
  image: null,
  count: 1,
  seed: '',
}

export const draftStore = createStore<Draft>(fresh, {
  key: 'safelight.draft',
  in: 'sessionStorage',
  revive: kept => (typeof kept === 'object' && kept !== null ? { ...fresh, ...(kept as Partial<Draft>) } : fresh),
})

/** For the next person at this browser. */
export const forgetDraft = () => draftStore.set(fresh)

/** What of the draft this model has: a choice that it lacks falls back to its first. */
export interface Choice {
  model: Model
  size: Size
  duration: number | undefined
  style: string | undefined
  count: number
  /** Credits for all outputs. */
  price: number
}

export function modelOf(models: readonly Model[], draft: Draft): Model | null {
  const ofKind = models.filter(model => model.kind === draft.kind)
  return ofKind.find(model => model.id === draft.models[draft.kind]) ?? ofKind[0] ?? null
}

export function choose(model: Model, draft: Draft): Choice | null {
  const size = model.sizes.find(candidate => candidate.id === draft.size) ?? model.sizes[0]
  if (!size) return null
  const duration = model.durations?.find(candidate => candidate === draft.duration) ?? model.durations?.[0]
  const style = (model.styles?.find(candidate => candidate.id === draft.style) ?? model.styles?.[0])?.id
  const count = Math.min(Math.max(1, Math.round(draft.count) || 1), model.count.max)
  return { model, size, duration, style, count, price: priceOf(model, duration) * count }
}

/** Credits for one output: the first price whose condition fits. */
export function priceOf(model: Model, duration: number | undefined): number {
  const fits = model.prices.find(price => price.when.duration === undefined || price.when.duration === duration)
  return fits?.credits ?? model.prices[0]?.credits ?? 0
}

export function requestOf(choice: Choice, draft: Draft): JobRequest {
  const { model, size, duration, style, count } = choice
  return {
    model: model.id,
    input: {
      prompt: draft.prompt.trim(),
      size: size.id,
      count,
      ...(draft.seed ? { seed: seedOf(draft.seed) } : {}),
      ...(duration === undefined ? {} : { duration }),
      ...(style === undefined ? {} : { style }),
      ...(model.images && draft.image ? { images: [draft.image.id] } : {}),
    },
  }
}

/** How things stand around the draft. */
export interface Circumstances {
  account: Account | null
  /** Credits of presses that the server has not answered yet. */
  pendingCredits: number
  isUploading: boolean
  isLost: boolean
  /** Seconds until the limit lets another job in; 0 when it does. */
  limitSeconds: number
}

/** One plain sentence for why the button cannot be pressed now, or null when it can. The nearest remedy comes first. */
export function reasonAgainst(choice: Choice, draft: Draft, around: Circumstances): string | null {
  const why = text.create.why
  if (choice.model.lifecycle.status === 'disabled') return why.modelDisabled(choice.model.name)
  if (around.isLost) return why.lost
  if (around.isUploading) return why.uploading
  if (choice.model.images?.required && !draft.image) return why.noImage
  const characters = [...draft.prompt.trim()].length
  if (characters === 0) return choice.model.kind === 'edit' ? why.noEditPrompt : why.noPrompt
  if (characters > PROMPT_MAX_CHARACTERS) return why.longPrompt(characters - PROMPT_MAX_CHARACTERS)
  if (draft.seed && !isSeed(draft.seed)) return why.seed
  if (!around.account) return why.loading
  const available = around.account.balance - around.pendingCredits
  if (choice.price > available) return why.credits(choice.price, Math.max(0, available))
  if (around.limitSeconds > 0) return why.limit(around.account.limits.perMinute, around.limitSeconds)
  return null
}

function isSeed(seed: string): boolean {
  return /^\d{1,19}$/.test(seed) && BigInt(seed) <= SEED_MAX
}

/** A number where JSON carries it unharmed, else its digits. */
function seedOf(digits: string): number | string {
  return Number.isSafeInteger(Number(digits)) ? Number(digits) : digits
}
