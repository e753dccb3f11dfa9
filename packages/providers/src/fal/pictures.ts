/** Input pictures on their way to fal: small ones inside the request, larger ones through fal's own storage. */
import { bytesOf, base64, refused, textAt } from '@safelight/core/adapter'
import type { Api, Refused } from '@safelight/core/adapter'
import type { SubmitCall } from '@safelight/core'
import { refusalOf } from './failures.ts'

/** Together; fal recommends storage for anything large (docs.fal.ai, working with files). */
const INLINE_MAX_BYTES = 2 * 1024 * 1024
/** fal's toolkit downloads no larger picture (fal-ai/fal `toolkit/image`). */
const INPUT_MAX_BYTES = 50 * 1024 * 1024
/** Nobody needs an input picture at fal after its job. */
const UPLOAD_LIFETIME_SECONDS = 86_400

/** Where fal finds each of the wanted pictures. Throws where one cannot be read, or does not get there. */
export async function addressesOf(
  rest: Api,
  call: SubmitCall,
  wanted: readonly number[],
): Promise<Map<number, string> | Refused> {
  const { files } = call
  if (wanted.some(index => !files[index])) return refused('invalid_input', 'An input picture is missing.')
  if (wanted.some(index => files[index]!.bytes > INPUT_MAX_BYTES)) {
    return refused('invalid_input', 'fal takes pictures of up to 50 MB.')
  }
  const isInline = wanted.reduce((sum, index) => sum + files[index]!.bytes, 0) <= INLINE_MAX_BYTES
  const addresses = new Map<number, string>()
  for (const index of wanted) {
    const address = await addressOf(rest, call, index, isInline)
    if (typeof address !== 'string') return address
    addresses.set(index, address)
  }
  return addresses
}

async function addressOf(rest: Api, call: SubmitCall, index: number, isInline: boolean): Promise<string | Refused> {
  const file = call.files[index]!
  const bytes = await bytesOf(file, INPUT_MAX_BYTES)
  if (isInline) return `data:${file.contentType};base64,${base64(bytes)}`
  return upload(rest, call, { bytes, contentType: file.contentType, name: `input-${index}` })
}

interface Upload {
  bytes: Uint8Array<ArrayBuffer>
  contentType: string
  name: string
}

/** Two steps, as the official client does it: an address to write to, and the bytes, without the key (fal-js `storage.ts`). */
async function upload(rest: Api, call: SubmitCall, { bytes, contentType, name }: Upload): Promise<string | Refused> {
  const answer = await rest.request(call, {
    method: 'POST',
    path: '/storage/upload/initiate?storage_type=fal-cdn-v3',
    headers: { 'x-fal-object-lifecycle': JSON.stringify({ expiration_duration_seconds: UPLOAD_LIFETIME_SECONDS }) },
    body: { file_name: `${name}.${contentType.split('/')[1] ?? 'bin'}`, content_type: contentType },
  })
  const uploadUrl = textAt(answer.json, 'upload_url')
  const fileUrl = textAt(answer.json, 'file_url')
  if (answer.status >= 400)
    return refusalOf(answer, call.token) ?? refused('provider_error', `The upload answered ${answer.status}`)
  if (!uploadUrl || !fileUrl || !mayReceive(rest, uploadUrl))
    return refused('provider_error', 'fal named no place to upload to.')
  const put = await call.fetch(uploadUrl, {
    method: 'PUT',
    headers: { 'content-type': contentType },
    body: bytes,
    redirect: 'manual',
    signal: call.signal,
  })
  await put.body?.cancel()
  return put.ok ? fileUrl : refused('provider_error', `The upload answered ${put.status}`)
}

/** A user's picture leaves encrypted, or stays on the machine that fal's API is on (a proxy, a simulator). */
function mayReceive(rest: Api, uploadUrl: string): boolean {
  const target = URL.parse(uploadUrl)
  if (!target) return false
  const { hostname } = new URL(rest.url('/'))
  return (
    target.protocol === 'https:' ||
    target.hostname === hostname ||
    (isLoopback(hostname) && isLoopback(target.hostname))
  )
}

function isLoopback(hostname: string): boolean {
  return /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(hostname)
}
