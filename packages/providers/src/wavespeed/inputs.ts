/**
 * Input files on their way into a body. A route says where they go with a marker; the adapter puts an address there, or
 * the file itself. Nothing has been submitted while that happens: whatever goes wrong is a refusal that cost nothing.
 */
import type { InputFile, Json, SubmitCall } from '@safelight/core'
import { type Api, at, bytesOf, dataUriOf, readAnswer, refused, type Refused, textAt } from '@safelight/core/adapter'
import { codeOf, refusalOf } from './refusals.ts'

export interface InputOptions {
  /** `upload` works with every model; `inline` saves two requests where the model takes data URIs. */
  as?: 'upload' | 'inline'
  /** Larger files are refused before anything is sent; 32 MiB where absent. */
  maxBytes?: number
}

/** Marks where the first input file goes, in fields such as `image`. */
export function firstInput(options: InputOptions = {}): Json {
  return { $input: 'first', ...options }
}

/** Marks where all input files go, in fields such as `images`. */
export function allInputs(options: InputOptions = {}): Json {
  return { $input: 'all', ...options }
}

const INPUT_MAX_BYTES = 32 * 1024 * 1024
const TICKET_MAX_BYTES = 256 * 1024
const HEADERS_MAX = 20
/** What only the transport, or nobody, may set at the place where a file is put. */
const OWN_HEADERS = new Set(['authorization', 'connection', 'content-length', 'cookie', 'host', 'transfer-encoding'])

/** The body with every marker replaced. */
export async function withInputs(api: Api, call: SubmitCall): Promise<{ body: Json } | Refused> {
  const { body } = call
  if (typeof body !== 'object' || body === null || Array.isArray(body)) return { body }
  const filled: Record<string, Json> = {}
  for (const [field, value] of Object.entries(body)) {
    const which = textAt(value, '$input')
    const files = which === 'first' ? call.files.slice(0, 1) : which === 'all' ? call.files : null
    if (files === null) {
      filled[field] = value
      continue
    }
    const placed: string[] = []
    for (const file of files) {
      const place = await placeOf(api, call, file, value)
      if (typeof place !== 'string') return place
      placed.push(place)
    }
    if (placed[0] === undefined) return refused('invalid_input', 'The model needs an input file, and there is none.')
    filled[field] = which === 'first' ? placed[0] : placed
  }
  return { body: filled }
}

async function placeOf(api: Api, call: SubmitCall, file: InputFile, marker: Json): Promise<string | Refused> {
  const limit = at(marker, 'maxBytes')
  const maxBytes = typeof limit === 'number' ? limit : INPUT_MAX_BYTES
  if (file.bytes > maxBytes) return refused('invalid_input', `The model takes inputs of at most ${maxBytes} bytes.`)
  try {
    if (textAt(marker, 'as') === 'inline') return await dataUriOf(file, maxBytes)
    return await upload(api, call, file, await bytesOf(file, maxBytes))
  } catch (error) {
    return refused(
      'unreachable',
      `The input could not be uploaded: ${error instanceof Error ? error.message : 'unknown'}`,
    )
  }
}

/** A ticket, then the bytes where it says (wavespeed.ai/docs/upload-files-api and the official clients). */
async function upload(
  api: Api,
  call: SubmitCall,
  file: InputFile,
  bytes: Uint8Array<ArrayBuffer>,
): Promise<string | Refused> {
  const filename = nameOf(file)
  const answer = await api.request(call, {
    method: 'POST',
    path: '/media/uploads',
    body: { filename, size: bytes.length, content_type: file.contentType },
    maxBytes: TICKET_MAX_BYTES,
  })
  if (answer.status === 404 || answer.status === 405) return uploadForm(api, call, file, bytes)
  if (answer.status >= 300 || codeOf(answer.json) !== 200) return refusalOf(answer)
  const target = textAt(answer.json, 'data', 'upload', 'url')
  const method = textAt(answer.json, 'data', 'upload', 'method') ?? 'PUT'
  const address = addressIn(answer.json)
  if (!target || !address || method.toUpperCase() !== 'PUT' || !mayReceive(api, target)) {
    return refused('provider_error', 'The upload ticket makes no sense.')
  }
  // No key goes along: the address is signed.
  const put = await call.fetch(target, {
    method: 'PUT',
    headers: { 'content-type': file.contentType, ...headersOf(at(answer.json, 'data', 'upload', 'headers')) },
    body: bytes,
    redirect: 'manual',
    signal: call.signal,
  })
  const { status } = await readAnswer(put, TICKET_MAX_BYTES)
  return status >= 200 && status < 300 ? address : refused('provider_error', `The upload was answered with ${status}.`)
}

/** The older way: everything in one form. */
async function uploadForm(
  api: Api,
  call: SubmitCall,
  file: InputFile,
  bytes: Uint8Array<ArrayBuffer>,
): Promise<string | Refused> {
  const form = new FormData()
  form.set('file', new File([bytes], nameOf(file), { type: file.contentType }))
  const answer = await api.request(call, {
    method: 'POST',
    path: '/media/upload/binary',
    body: form,
    maxBytes: TICKET_MAX_BYTES,
  })
  const address = addressIn(answer.json)
  if (answer.status >= 300 || codeOf(answer.json) !== 200 || !address) return refusalOf(answer)
  return address
}

function addressIn(json: unknown): string | undefined {
  const address = textAt(json, 'data', 'download_url')
  return address !== undefined && /^https?:\/\//.test(address) ? address : undefined
}

/** Neither a user's id nor anything else of ours goes out as a name. */
function nameOf({ contentType }: InputFile): string {
  const [, subtype = 'bin'] = /^[a-z]+\/([a-z0-9]+)/i.exec(contentType) ?? []
  return `input.${subtype === 'jpeg' ? 'jpg' : subtype}`
}

/** A user's picture goes to a public name over https; to anything else only where the API itself is (a simulator). */
function mayReceive(api: Api, target: string): boolean {
  const { protocol, hostname, username, password } = URL.parse(target) ?? {}
  if (hostname === undefined || username || password) return false
  if (hostname === new URL(api.url('/')).hostname) return true
  return (
    protocol === 'https:' && /\.[a-z][a-z0-9-]*$/i.test(hostname) && !/\.(local|localhost|internal)$/i.test(hostname)
  )
}

function headersOf(given: unknown): Record<string, string> {
  if (typeof given !== 'object' || given === null) return {}
  const pairs = Object.entries(given)
    .map(([name, value]) => [name.toLowerCase(), value] as const)
    .filter((pair): pair is [string, string] => typeof pair[1] === 'string' && !OWN_HEADERS.has(pair[0]))
  return Object.fromEntries(pairs.slice(0, HEADERS_MAX))
}
