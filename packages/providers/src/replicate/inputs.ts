/** What a route of Replicate writes into its body, and our pictures on their way into it. */
import type { InputFile, Json, JsonObject, SubmitCall } from '@safelight/core'
import { bytesOf, dataUriOf, prepare, refused, textAt } from '@safelight/core/adapter'
import type { Api, Refused } from '@safelight/core/adapter'
import { refusalOf } from './refusals.ts'

/** A route's body: the model's input, and in which of its fields the pictures go: the first of them, or all as a list. */
export interface ReplicateBody {
  input: Record<string, Json>
  pictures?: { field: string; as: 'one' | 'list' }
}

/** Larger files are uploaded first (replicate.com/docs/topics/predictions/input-files). */
const DATA_URI_MAX_BYTES = 256 * 1024
/** Of one upload (replicate.com/docs/reference/http#files.create). */
const UPLOAD_MAX_BYTES = 100 * 1024 * 1024

/** The model's input with its pictures; all that comes before the hand-over. */
export function inputOf(api: Api, call: SubmitCall): Promise<{ made: Record<string, Json> } | Refused> {
  return prepare(async () => {
    const { input, pictures } = call.body as Partial<ReplicateBody> & JsonObject
    if (typeof input !== 'object') return refused('invalid_input', 'This route writes no input.')
    if (call.files.length === 0) return input
    if (!pictures) return refused('invalid_input', 'This route does not say where a picture goes.')
    const wanted = pictures.as === 'one' ? call.files.slice(0, 1) : call.files
    const sources: string[] = []
    for (const file of wanted) {
      const source = await sourceOf(api, call, file)
      if (typeof source !== 'string') return source
      sources.push(source)
    }
    return { ...input, [pictures.field]: pictures.as === 'one' ? (sources[0] ?? '') : sources }
  })
}

async function sourceOf(api: Api, call: SubmitCall, file: InputFile): Promise<string | Refused> {
  return file.bytes <= DATA_URI_MAX_BYTES ? dataUriOf(file, DATA_URI_MAX_BYTES) : upload(api, call, file)
}

async function upload(api: Api, call: SubmitCall, file: InputFile): Promise<string | Refused> {
  const form = new FormData()
  const bytes = await bytesOf(file, UPLOAD_MAX_BYTES)
  form.append('content', new Blob([bytes], { type: file.contentType }), 'input')
  const answer = await api.request(call, { method: 'POST', path: '/files', body: form })
  const url = textAt(answer.json, 'urls', 'get')
  if (answer.status < 300 && url !== undefined) return url
  return refusalOf(answer) ?? refused('provider_error', `An upload answered ${answer.status}.`)
}
