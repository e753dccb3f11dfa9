/** Opening a clip: the API's own files need the key, and lead elsewhere, where it must not go. */
import type { Output, ProviderCall } from '@safelight/core'
import { type Api, download, fromBase64, textAt } from '@safelight/core/adapter'
import { INLINE_SCHEME, isInteractionId, videoIn } from './interactions.ts'

const CLIP_MAX_BYTES = 512 * 1024 * 1024
/** Of an answer with a clip inside. */
const INLINE_ANSWER_MAX_BYTES = 128 * 1024 * 1024
const REDIRECTS_MAX = 5

type Call = ProviderCall & { output: Output }

/** Throws `gone` where it is not kept any more. */
export async function openOutput(api: Api, call: Call): Promise<ReadableStream<Uint8Array>> {
  const url = call.output.url ?? ''
  if (url.startsWith(INLINE_SCHEME)) return openInline(api, call, url.slice(INLINE_SCHEME.length))
  return download(following(api, call), { url, signal: call.signal, maxBytes: CLIP_MAX_BYTES })
}

async function openInline(api: Api, call: Call, id: string): Promise<ReadableStream<Uint8Array>> {
  if (!isInteractionId(id)) throw new Error('This is no interaction of Google')
  const request = { path: `/interactions/${id}`, maxBytes: INLINE_ANSWER_MAX_BYTES }
  const { status, json } = await api.request(call, request)
  const data = textAt(videoIn(json), 'data')
  if (status !== 200 || data === undefined) throw new Error(`The interaction answered ${status}, and without its clip`)
  return new Blob([fromBase64(data)]).stream()
}

/** A `fetch` that goes where it is led. The key goes to the API's own origin, and only there. */
function following(api: Api, call: Call): typeof globalThis.fetch {
  return async (start, init = {}) => {
    const headers = Object.fromEntries(new Headers(init.headers))
    let url = start as string
    for (let hops = 0; hops <= REDIRECTS_MAX; hops++) {
      const response = api.owns(url)
        ? await api.open(call, { path: url, headers })
        : await call.fetch(checked(api, url), { headers, redirect: 'manual', signal: call.signal })
      const location = response.headers.get('location')
      if (response.status < 300 || response.status >= 400 || location === null) return response
      await response.body?.cancel()
      url = new URL(location, url).href
    }
    throw new Error('The clip was redirected too often')
  }
}

/** Public and with TLS; or, for a stand-in for Google on this machine, on the same machine. */
function checked(api: Api, address: string): string {
  const [target, home] = [URL.parse(address), new URL(api.url('/'))]
  const isHome = home.protocol === 'http:' && target?.hostname === home.hostname
  const isPublic = target?.protocol === 'https:' && /^[a-z\d.-]+\.[a-z]{2,}$/.test(target.hostname)
  if (!target || target.username || !(isHome || isPublic))
    throw new Error('The clip is at an address that is not public')
  return target.href
}
