import type { InputFile } from '@safelight/core'

const MAX_INPUT_BYTES = 33_554_432

/** A picture to start from, in memory; or a sentence that says why not. */
export async function readInput(file: InputFile, signal: AbortSignal): Promise<Uint8Array | string> {
  const tooLarge = `The picture is larger than the ${MAX_INPUT_BYTES} bytes that are allowed.`
  if (!file.contentType.startsWith('image/')) return 'Only a picture can be started from.'
  if (file.bytes > MAX_INPUT_BYTES) return tooLarge
  const chunks: Uint8Array[] = []
  let bytes = 0
  for await (const chunk of await file.open()) {
    signal.throwIfAborted()
    bytes += chunk.length
    if (bytes > MAX_INPUT_BYTES) return tooLarge
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}
