/** A server in a process of its own. A line on standard input makes it fail in the way it names. */
import { createStudio, memoryDatabase } from '@safelight/core'
import { readEnvironment, startServer } from '../src/node.ts'
import { createStage } from './stage.ts'

const running = await startServer({
  studio: createStudio({ providers: [createStage().provider], database: memoryDatabase() }),
  environment: readEnvironment(),
  onListening: ({ url }) => console.log(`listening ${url}`),
})

process.stdin.setEncoding('utf8').on('data', line => {
  if (line.includes('throw')) throw new Error('thrown by a timer')
  if (line.includes('reject')) void Promise.reject(new Error('rejected by nobody'))
})
await running.closed
// Something that would keep the process alive for ever.
setInterval(() => undefined, 1000)
