/** OpenAI images (developers.openai.com/api/reference/resources/images): one request, and the pictures are its answer. */
import type { FreshOutput, InputFile, Json, KeyCheck, Provider, SubmitCall, Submitted } from '@safelight/core'
import { at, bytesOf, createApi, fromBase64, handOver, listAt, prepare, textAt } from '@safelight/core/adapter'
import type { Answer, Api, ApiRequest } from '@safelight/core/adapter'
import { openaiModels } from './models.ts'
import { refusalOf } from './refusals.ts'

export interface OpenAIOptions {
  /** The API's origin, with or without `/v1`; `https://api.openai.com` where absent. */
  baseUrl?: string
  /** Sent as `OpenAI-Organization`, for keys that belong to several. */
  organization?: string
  /** Sent as `OpenAI-Project`. */
  project?: string
}

export interface OpenAIProvider extends Provider {
  readonly id: 'openai'
  readonly models: typeof openaiModels
}

/** Answers of two minutes are common; the official client gives up after ten. */
const SUBMIT_SECONDS = 300
/** The lowest paid tier (developers.openai.com/api/docs/models/gpt-image-1); learned from answers after that. */
const IMAGES_PER_MINUTE = 5
/** Of one input picture: "less than 50MB". */
const INPUT_MAX_BYTES = 49_999_999
/** Four pictures in base64, with room for large ones. */
const ANSWER_MAX_BYTES = 256 * 1024 * 1024
/** An answer has as many as were asked for, ten at most. */
const OUTPUTS_MAX = 10

/** OpenAI's images, with the models of `openaiModels`. */
export function openai(options: OpenAIOptions = {}): OpenAIProvider {
  const { baseUrl = 'https://api.openai.com', organization, project } = options
  const api = createApi({
    base: baseUrl,
    prefix: '/v1',
    authorize: token => ({
      authorization: `Bearer ${token.secret}`,
      ...(organization === undefined ? {} : { 'openai-organization': organization }),
      ...(project === undefined ? {} : { 'openai-project': project }),
    }),
  })
  return {
    id: 'openai',
    models: openaiModels,
    // No key makes a submit idempotent, and pictures that were made are kept nowhere: a lost answer is lost.
    recovery: 'atMostOnce',
    requestTimeoutSeconds: SUBMIT_SECONDS,
    limits: { image: { perMinute: IMAGES_PER_MINUTE } },
    submit: call => submit(api, call),
    look: () => Promise.reject(new Error('OpenAI answers a submit with the pictures; there is nothing to look at')),
    check: async call => checkOf(await api.request(call, { path: '/models' })),
  }
}

async function submit(api: Api, call: SubmitCall): Promise<Submitted> {
  const prepared = await prepare(async () => (call.files.length === 0 ? generation(call) : edit(call)))
  if (!('made' in prepared)) return prepared
  return handOver(api, call, { ...prepared.made, maxBytes: ANSWER_MAX_BYTES }, readSubmit)
}

function generation({ endpoint, body }: SubmitCall): ApiRequest {
  return { method: 'POST', path: '/images/generations', body: { ...fieldsOf(body), model: endpoint } }
}

/** Edits are a form: one picture is `image`, several are `image[]`. */
async function edit({ endpoint, body, files }: SubmitCall): Promise<ApiRequest> {
  const form = new FormData()
  for (const [name, value] of Object.entries({ ...fieldsOf(body), model: endpoint })) {
    form.append(name, typeof value === 'string' ? value : JSON.stringify(value))
  }
  const field = files.length === 1 ? 'image' : 'image[]'
  for (const [index, file] of files.entries()) form.append(field, await blobOf(file), nameOf(file, index))
  return { method: 'POST', path: '/images/edits', body: form }
}

async function blobOf(file: InputFile): Promise<Blob> {
  return new Blob([await bytesOf(file, INPUT_MAX_BYTES)], { type: file.contentType })
}

/** They go by the name's ending as well as by the type. */
function nameOf({ contentType }: InputFile, index: number): string {
  return `input-${index}.${contentType.replace(/^image\//, '').replace('jpeg', 'jpg')}`
}

function fieldsOf(body: Json): Record<string, Json> {
  return typeof body === 'object' && body !== null && !Array.isArray(body) ? body : {}
}

/** Throws where the answer does not say whether pictures were made. */
function readSubmit(answer: Answer): Submitted {
  const { status, json } = answer
  if (status === 200 && Array.isArray(at(json, 'data'))) return { status: 'done', outputs: outputsOf(json) }
  const refusal = status >= 300 ? refusalOf(answer) : null
  if (refusal) return refusal
  throw new Error(`A submit answered ${status} and does not say whether it was done`)
}

const CONTENT_TYPES: Readonly<Record<string, string>> = { png: 'image/png', webp: 'image/webp', jpeg: 'image/jpeg' }

/** Those that can be read. The type is a hint; SVG and GIF, which nobody asked for, get none. */
function outputsOf(json: unknown): FreshOutput[] {
  const contentType = CONTENT_TYPES[textAt(json, 'output_format') ?? 'png']
  const hint = contentType === undefined ? {} : { contentType }
  return listAt(json, 'data')
    .slice(0, OUTPUTS_MAX)
    .flatMap((each): FreshOutput[] => {
      const bytes = bytesIn(textAt(each, 'b64_json'))
      if (bytes) return [{ bytes, ...hint }]
      // Servers that speak this protocol for other models may answer with an address.
      const url = textAt(each, 'url')
      return url !== undefined && /^https?:\/\//i.test(url) ? [{ url, ...hint }] : []
    })
}

function bytesIn(base64: string | undefined): Uint8Array | null {
  if (base64 === undefined) return null
  try {
    return fromBase64(base64)
  } catch {
    // One picture that cannot be read; the others of the answer are none the worse for it.
    return null
  }
}

function checkOf(answer: Answer): KeyCheck {
  if (answer.status === 200) return { status: 'accepted' }
  const kind = refusalOf(answer)?.kind
  if (kind === 'auth' || kind === 'permission' || kind === 'credits_exhausted') return { status: 'refused', kind }
  throw new Error(`Asking for the models answered ${answer.status}`)
}
