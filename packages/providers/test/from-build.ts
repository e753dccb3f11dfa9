/** Argument 1 is the built entry: whoever installs the package has nothing else. */
import type * as Demo from '@safelight/providers/demo'
import { made } from './demo.ts'

const { demo } = (await import(process.argv[2] ?? '')) as typeof Demo
const [bytes] = await made(demo(), { body: { prompt: 'a lake #seconds=0' } })
process.stdout.write(Buffer.from(bytes ?? new Uint8Array()).toString('base64'))
