/** What the engine hands to an adapter, for tests of adapters: one token, one attempt. */
import type {
  InputFile,
  Json,
  LookCall,
  Model,
  ModelInput,
  Progress,
  Provider,
  ProviderCall,
  Route,
  SubmitCall,
  Submitted,
  WebhookNews,
} from '@safelight/core'
import { sizeOf } from '@safelight/core'

export interface Caller {
  readonly call: ProviderCall
  /** What the engine would submit for this input; `sizes` and other fields have the model's defaults. */
  submitCall(model: Model, input?: Partial<ModelInput>, extra?: Partial<SubmitCall>): SubmitCall
  submit(model: Model, input?: Partial<ModelInput>, extra?: Partial<SubmitCall>): Promise<Submitted>
  look(operation: Json): Promise<Progress>
  /** Looks until something else than `running` is said; `wait` is called in between. */
  end(submitted: Submitted, wait: () => unknown): Promise<Progress | Submitted>
  deliver(delivery: { body: string; headers: HeadersInit }, endpoint: string, now: number): Promise<WebhookNews>
}

const LOOKS_MAX = 200

export function callerOf(
  provider: Provider,
  fetch: typeof globalThis.fetch,
  { secret = 'a-key-0001', attemptId = '00000000-0000-4000-8000-00000000000a' } = {},
): Caller {
  const token = { provider: provider.id, label: 'one', secret, account: 'one', draining: false, maxOpen: null }
  const call: ProviderCall = { token, attemptId, fetch, signal: AbortSignal.timeout(30_000) }
  const submitCall: Caller['submitCall'] = (model, input = {}, extra = {}) => {
    const { whole, route } = routed(model, input)
    const body = route.body(whole, sizeOf(model, whole.size))
    const files = (whole.images ?? []).map(pictureOf)
    return { ...call, endpoint: route.endpoint, body, files, webhookUrl: null, ...extra }
  }
  const look = (operation: Json) => provider.look({ ...call, operation } satisfies LookCall)
  return {
    call,
    submitCall,
    submit: (...of) => provider.submit(submitCall(...of)),
    look,
    async end(submitted, wait) {
      if (submitted.status !== 'running') return submitted
      for (let looks = 0, operation = submitted.operation; looks < LOOKS_MAX; looks++) {
        const progress = await look(operation)
        if (progress.status !== 'running') return progress
        operation = progress.operation ?? operation
        await wait()
      }
      throw new Error('It never ends')
    },
    deliver: ({ body, headers }, endpoint, now) => {
      if (!provider.webhook) throw new Error(`${provider.id} has no webhooks`)
      const bytes = new TextEncoder().encode(body)
      return provider.webhook({ ...call, endpoint, body: bytes, headers: new Headers(headers), now })
    },
  }
}

/** The first size that has a route, where none is named. */
function routed(model: Model, input: Partial<ModelInput>): { whole: ModelInput; route: Route } {
  const sizes = input.size ? [input.size] : (Object.keys(model.sizes) as ModelInput['size'][])
  for (const size of sizes) {
    const whole = inputOf(model, { ...input, size })
    const route = model.routes.find(({ takes }) => takes?.(whole) ?? true)
    if (route) return { whole, route }
  }
  throw new Error(`No route of ${model.id} takes this`)
}

function inputOf(model: Model, input: Partial<ModelInput>): ModelInput {
  const duration = model.durations?.[0]
  const images = model.images?.required ? { images: ['one'] } : {}
  return {
    prompt: 'a fox',
    size: 'square',
    count: 1,
    seed: '7',
    ...(duration === undefined ? {} : { duration }),
    ...images,
    ...input,
  }
}

/** Bytes that are as good as a picture to who only carries them. */
export function pictureOf(id: string): InputFile {
  const bytes = new TextEncoder().encode(`picture ${id}`)
  return { id, contentType: 'image/png', bytes: bytes.length, open: async () => new Blob([bytes]).stream() }
}
