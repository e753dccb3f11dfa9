/** A process that is killed while its job is open: argument 1 is the directory, 2 the prompt, 3 the attempt. */
import { demo } from '@safelight/providers/demo'
import { accepted, look } from './demo.ts'

const [directory = '', prompt = '', attemptId = ''] = process.argv.slice(2)
const provider = demo({ directory })
const operation = await accepted(provider, { attemptId, body: { prompt, width: 256, height: 256 } })
process.stdout.write(`${JSON.stringify(operation)}\n`)
for (;;) await look(provider, operation)
