/** Input files on their way into a request: a provider cannot fetch what lies on our disk. */
import type { InputFile } from '../contracts.ts'
import { SafelightError } from '../errors.ts'

/** All of it in memory. Throws `too_large`. */
export async function bytesOf(file: InputFile, maxBytes: number): Promise<Uint8Array<ArrayBuffer>> {
  if (file.bytes > maxBytes) throw tooLarge(maxBytes)
  const bytes = new Uint8Array(await new Response(await file.open()).arrayBuffer())
  if (bytes.length > maxBytes) throw tooLarge(maxBytes)
  return bytes
}

/** Bare base64. */
export async function base64Of(file: InputFile, maxBytes: number): Promise<string> {
  return base64(await bytesOf(file, maxBytes))
}

/** As in `data:image/png;base64,…`. */
export async function dataUriOf(file: InputFile, maxBytes: number): Promise<string> {
  return `data:${file.contentType};base64,${await base64Of(file, maxBytes)}`
}

const CHUNK_BYTES = 0x8000

export function base64(bytes: Uint8Array): string {
  if ('toBase64' in bytes) return (bytes as Uint8Array & { toBase64(): string }).toBase64()
  let binary = ''
  for (let start = 0; start < bytes.length; start += CHUNK_BYTES) {
    binary += String.fromCharCode(...bytes.subarray(start, start + CHUNK_BYTES))
  }
  return btoa(binary)
}

/** With or without a `data:` prefix. Throws on what is no base64. */
export function fromBase64(text: string): Uint8Array<ArrayBuffer> {
  const binary = atob(text.replace(/^data:[^,]*,/, ''))
  const bytes = new Uint8Array(binary.length)
  for (let index = 0; index < binary.length; index++) bytes[index] = binary.charCodeAt(index)
  return bytes
}

function tooLarge(maxBytes: number): SafelightError {
  return new SafelightError('too_large', `The provider takes inputs of at most ${maxBytes} bytes.`)
}
