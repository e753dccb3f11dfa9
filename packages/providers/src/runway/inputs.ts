/** Pictures on their way to Runway: small ones inline, others uploaded first (docs.dev.runwayml.com/assets). */
import type { InputFile, Json, SubmitCall } from '@safelight/core'
import { at, bytesOf, dataUriOf, refused, textAt } from '@safelight/core/adapter'
import type { Api, Refused } from '@safelight/core/adapter'
import type { RunwayBody } from './models.ts'
import { refusalOf } from './refusals.ts'

/** A data URI may have 5 MB (unverified), of which base64 takes a third. */
const INLINE_MAX_BYTES = 3 * 1024 * 1024
/** Of one picture (unverified). */
const PICTURE_MAX_BYTES = 16 * 1024 * 1024

/** The body with its pictures, or why they did not get there. */
export async function bodyOf(api: Api, call: SubmitCall): Promise<RunwayBody | Refused> {
  const body = call.body as RunwayBody
  const uris: string[] = []
  for (const file of call.files) {
    const uri = await uriOf(api, call, file)
    if (typeof uri !== 'string') return uri
    uris.push(uri)
  }
  if (uris.length === 0) return body
  return call.endpoint.endsWith('/image_to_video')
    ? { ...body, promptImage: uris[0] as Json }
    : { ...body, referenceImages: uris.map((uri, index) => ({ uri, tag: `image${index + 1}` })) }
}

function uriOf(api: Api, call: SubmitCall, file: InputFile): Promise<string | Refused> {
  return file.bytes <= INLINE_MAX_BYTES ? dataUriOf(file, INLINE_MAX_BYTES) : upload(api, call, file)
}

/** Asks where to put it, puts it there without a key, and answers with the name that it then has. */
async function upload(api: Api, call: SubmitCall, file: InputFile): Promise<string | Refused> {
  const bytes = await bytesOf(file, PICTURE_MAX_BYTES)
  const filename = `input.${file.contentType.split('/')[1] ?? 'png'}`
  const ticket = await api.request(call, { method: 'POST', path: '/uploads', body: { filename, type: 'ephemeral' } })
  const refusal = refusalOf(ticket)
  if (refusal) return refusal
  const [uploadUrl, runwayUri] = [textAt(ticket.json, 'uploadUrl'), textAt(ticket.json, 'runwayUri')]
  if (uploadUrl === undefined || runwayUri === undefined || !mayGoTo(api, uploadUrl)) {
    return refused('provider_error', `Runway answered ${ticket.status}, and not where to upload to`)
  }
  const form = new FormData()
  for (const [name, value] of Object.entries(at(ticket.json, 'fields') ?? {})) form.append(name, String(value))
  form.append('file', new Blob([bytes], { type: file.contentType }), filename)
  const answer = await call.fetch(uploadUrl, { method: 'POST', body: form, redirect: 'manual', signal: call.signal })
  await answer.body?.cancel()
  return answer.ok ? runwayUri : refused('provider_error', `An upload for Runway answered ${answer.status}`)
}

/** A user's picture goes nowhere without TLS, but to a stand-in for Runway on the same machine. */
function mayGoTo(api: Api, address: string): boolean {
  const [target, home] = [URL.parse(address), new URL(api.url('/'))]
  if (!target || target.username) return false
  return target.protocol === 'https:' || (home.protocol === 'http:' && target.hostname === home.hostname)
}
