/**
 * Who serves a model of huggingface.co now, and under which name. The hub tests mappings every six hours and takes
 * those away that fail (huggingface.co/docs/inference-providers, register-as-a-provider): what was true is not kept
 * for long.
 */
import { at, listAt, readAnswer, textAt } from '@safelight/core/adapter'
import type { PartyId, Task } from './routes.ts'

export interface Mapping {
  providerId: string
  /** LoRA weights on top of the party's base model: `owner/name` and the file in it. */
  adapter: { model: string; weightsPath: string | null } | null
}

/** What the hub said; `silent` where it said nothing that could be believed. */
export type Found =
  | { status: 'live'; mapping: Mapping }
  | { status: 'unavailable'; message: string }
  | { status: 'silent'; message: string }

interface Entry {
  party: string
  status: string
  task: string
  mapping: Mapping
}
/** `entries` is null for a model that the hub does not know. */
interface Page {
  entries: Entry[] | null
  readAt: number
}

/** Shorter than the six hours after which a mapping may change by itself, long enough to be read rarely. */
const FRESH_SECONDS = 300
/** After a silence the hub is left alone for so long. */
const SILENCE_SECONDS = 15
/** When the hub does not answer, what it said last is still better than nothing. */
const STALE_SECONDS = 6 * 3600
const READ_TIMEOUT_SECONDS = 5
const PAGES_MAX = 200
const PAGE_MAX_BYTES = 1024 * 1024

export interface Wanted {
  party: PartyId
  model: string
  task: Task
}

export interface Mappings {
  /** Never throws, sends no key: a mapping is public. */
  find(fetch: typeof globalThis.fetch, wanted: Wanted): Promise<Found>
  /** The router has turned the model down: what is remembered of it is not true any more. */
  forget(model: string): void
}

export function createMappings(hubUrl: string, now: () => number = Date.now): Mappings {
  const pages = new Map<string, Page>()
  const silences = new Map<string, { until: number; message: string }>()
  const reads = new Map<string, Promise<Page | string>>()

  async function readAgain(fetch: typeof globalThis.fetch, model: string): Promise<Page | string> {
    const silence = silences.get(model)
    return silence && now() < silence.until ? silence.message : readOnce(fetch, model)
  }

  /** Those who ask for the same model at the same time share one request. */
  function readOnce(fetch: typeof globalThis.fetch, model: string): Promise<Page | string> {
    const underWay = reads.get(model)
    if (underWay) return underWay
    const read = readPage(fetch, hubUrl, model, now).then(page => {
      reads.delete(model)
      if (typeof page === 'string') keep(silences, model, { until: now() + SILENCE_SECONDS * 1000, message: page })
      else keep(pages, model, page)
      return page
    })
    reads.set(model, read)
    return read
  }

  return {
    forget: model => void pages.delete(model),
    async find(fetch, wanted) {
      const known = pages.get(wanted.model)
      const ageMs = known ? now() - known.readAt : Infinity
      const remembered = known && ageMs < STALE_SECONDS * 1000 ? entryIn(known, wanted) : null
      const isLive = remembered?.status === 'live'
      if (isLive && ageMs < FRESH_SECONDS * 1000) return remembered
      // A "no" is never believed from memory: who is not served now may be in a minute.
      const read = await readAgain(fetch, wanted.model)
      if (typeof read !== 'string') return entryIn(read, wanted)
      return isLive ? remembered : { status: 'silent', message: read }
    },
  }
}

function entryIn({ entries }: Page, { party, model, task }: Wanted): Found {
  const missing = (why: string): Found => ({ status: 'unavailable', message: `${model}: ${why}` })
  if (!entries) return missing('the hub does not know this model')
  const entry = entries.find(each => each.party === party)
  if (!entry) return missing(`${party} does not serve it now`)
  if (entry.status !== 'live') return missing(`at ${party} it is ${entry.status}`)
  if (entry.task !== task) return missing(`${party} serves it for ${entry.task}, not ${task}`)
  return { status: 'live', mapping: entry.mapping }
}

function keep<Value>(map: Map<string, Value>, key: string, value: Value): void {
  map.delete(key)
  map.set(key, value)
  const oldest = map.keys().next()
  if (map.size > PAGES_MAX && !oldest.done) map.delete(oldest.value)
}

/** A sentence where the hub said nothing of use. */
async function readPage(
  fetch: typeof globalThis.fetch,
  hubUrl: string,
  model: string,
  now: () => number,
): Promise<Page | string> {
  const controller = new AbortController()
  const timer = setTimeout(() => controller.abort(new Error('too slow')), READ_TIMEOUT_SECONDS * 1000)
  try {
    const response = await fetch(`${hubUrl}/api/models/${model}?expand[]=inferenceProviderMapping`, {
      headers: { accept: 'application/json' },
      redirect: 'manual',
      signal: controller.signal,
    })
    const { status, json } = await readAnswer(response, PAGE_MAX_BYTES)
    // A private model looks to strangers as one that is not there, with 401.
    if (status === 404) return { entries: null, readAt: now() }
    if (status !== 200 || typeof json !== 'object' || json === null || Array.isArray(json)) {
      return `The hub answered ${status} without a mapping.`
    }
    return { entries: entriesOf(model, at(json, 'inferenceProviderMapping')), readAt: now() }
  } catch {
    // Refused, cut, too slow or too large: all the same to whoever wanted to know.
    return 'The hub did not answer.'
  } finally {
    clearTimeout(timer)
  }
}

/** An object by party, or a list: the hub has answered with both. */
function entriesOf(model: string, mapping: unknown): Entry[] {
  const pairs: [unknown, unknown][] = Array.isArray(mapping)
    ? listAt(mapping).map(entry => [at(entry, 'provider'), entry])
    : Object.entries(mapping ?? {})
  return pairs.flatMap(([party, entry]) => {
    const [providerId, status, task] = [textAt(entry, 'providerId'), textAt(entry, 'status'), textAt(entry, 'task')]
    if (typeof party !== 'string' || !providerId || !PROVIDER_ID.test(providerId) || !status || !task) return []
    const adapter =
      at(entry, 'adapter') === 'lora'
        ? { model: textAt(entry, 'hfModelId') ?? model, weightsPath: textAt(entry, 'adapterWeightsPath') ?? null }
        : null
    return [{ party, status, task, mapping: { providerId, adapter } }]
  })
}

/** Path segments, none of which begins with a dot; a version may follow behind a colon. */
const PROVIDER_ID = /^[\w-][\w.-]*(?:\/[\w-][\w.-]*)*(?::[\w.-]+)?$/
