/** A process that is in the middle of writing when it is killed: argument 1 is the directory. */
import { files } from '@safelight/media/files'

const store = files(process.argv[2] ?? '')
const png = Uint8Array.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a])
let sent = 0
const endless = new ReadableStream<Uint8Array>({
  pull(controller) {
    const chunk = new Uint8Array(65_536)
    if (sent === 0) chunk.set(png)
    sent += chunk.length
    controller.enqueue(chunk)
    if (sent === 4_194_304) process.stdout.write('in the middle\n')
  },
})
await store.save('job/attempt/0', endless, { maxBytes: 2 ** 40 })
