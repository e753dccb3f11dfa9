/** Gives one clip of the size in its path, as fast as it is taken; writes its origin to the parent. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { box, fileType, movieIndex } from '../../../media/test/samples.ts'

const CHUNK = new Uint8Array(1_048_576).fill(7)

const server = createServer((request, response) => {
  const size = Number(/^\/(\d+)/.exec(request.url ?? '')?.[1] ?? 0)
  const index = movieIndex({ width: 1280, height: 720, unitsPerSecond: 1000, units: 5000 })
  const mediaBytes = size - fileType.length - index.length
  const header = new Uint8Array(box('mdat'))
  new DataView(header.buffer).setUint32(0, mediaBytes)
  response.writeHead(200, { 'content-type': 'video/mp4', 'content-length': String(size), etag: '"clip"' })
  response.write(Buffer.concat([fileType, index, header]))
  let left = mediaBytes - header.length
  const more = (): void => {
    while (left > 0) {
      const part = CHUNK.subarray(0, Math.min(left, CHUNK.length))
      left -= part.length
      if (!response.write(part)) return void response.once('drain', more)
    }
    response.end()
  }
  more()
})
server.listen(0, '127.0.0.1', () => process.send?.(`http://127.0.0.1:${(server.address() as AddressInfo).port}`))
process.once('disconnect', () => process.exit())
