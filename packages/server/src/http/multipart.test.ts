import { describe, expect, test } from 'vitest'
import { boundaryOf, fileOf } from './multipart.ts'

describe('the boundary', () => {
  test.each([
    ['multipart/form-data; boundary=abc', 'abc'],
    ['Multipart/Form-Data; charset=utf-8; BOUNDARY="a b:c"', 'a b:c'],
    ['multipart/form-data;boundary=----WebKitFormBoundaryX7', '----WebKitFormBoundaryX7'],
    ['multipart/form-data', undefined],
    ['multipart/form-data; boundary=', undefined],
    [`multipart/form-data; boundary=${'x'.repeat(71)}`, undefined],
    ['multipart/mixed; boundary=abc', undefined],
    ['application/json', undefined],
    [undefined, undefined],
  ])('%s', (type, expected) => expect(boundaryOf(type)).toBe(expected))
})

const encode = (text: string) => new TextEncoder().encode(text)
const disposition = 'Content-Disposition: form-data; name="file"; filename="a.png"'

/** The form in pieces of `size` bytes. */
function inPieces(bytes: Uint8Array, size: number): ReadableStream<Uint8Array> {
  let at = 0
  return new ReadableStream({
    pull(controller) {
      if (at >= bytes.length) return controller.close()
      controller.enqueue(bytes.slice(at, at + size))
      at += size
    },
  })
}
const read = async (form: Uint8Array, size: number) =>
  new Uint8Array(await new Response((await fileOf(inPieces(form, size), 'b', 'file')).source).arrayBuffer())
const around = (content: Uint8Array, before = '', after = '--\r\n') =>
  Uint8Array.of(
    ...encode(`${before}--b\r\n${disposition}\r\nContent-Type: image/png\r\n\r\n`),
    ...content,
    ...encode(`\r\n--b${after}`),
  )

describe('the file', () => {
  const contents: [string, Uint8Array][] = [
    ['nothing', new Uint8Array()],
    ['one byte', Uint8Array.of(0)],
    ['text that looks like its end', encode('\r\n--\r\n-b\r\n--a--\r\n--B--\r\n\r\n--')],
    ['lines', encode('\r\n\r\r\n\n\r\n')],
    ['all bytes', Uint8Array.from({ length: 1024 }, (_, index) => (index * 7) % 256)],
  ]
  test.each(contents)('%s comes out as it went in, however it arrives', async (_what, content) => {
    for (const size of [1, 2, 3, 5, 7, 64, 4096]) expect(await read(around(content), size)).toEqual(content)
  })

  test('may have something before it and after it', async () => {
    expect(await read(around(encode('x'), 'hello\r\n', '--\r\nbye'), 3)).toEqual(encode('x'))
    expect(await read(around(encode('x'), '\r\n', '--'), 1)).toEqual(encode('x'))
  })

  const whole = around(encode('content'))
  test('cut off anywhere before its end is an error, never a shorter file', async () => {
    const end = whole.length - '\r\n'.length
    for (let length = 0; length < end; length++) {
      await expect(read(whole.slice(0, length), 4)).rejects.toMatchObject({ code: 'invalid_input' })
    }
    expect(await read(whole.slice(0, end), 4)).toEqual(encode('content'))
  })

  test('is not read faster than it is taken', async () => {
    let pulled = 0
    const endless = new ReadableStream<Uint8Array>(
      {
        pull(controller) {
          pulled += 1
          controller.enqueue(pulled === 1 ? encode(`--b\r\n${disposition}\r\n\r\n`) : new Uint8Array(1000))
        },
      },
      { highWaterMark: 0 },
    )
    const reader = (await fileOf(endless, 'b', 'file')).source.getReader()
    for (let times = 0; times < 10; times++) await reader.read()
    expect(pulled).toBeLessThan(15)
    await reader.cancel()
  })
})
