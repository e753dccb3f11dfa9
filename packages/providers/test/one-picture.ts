/** A script like any other: it wants one picture, and then it ends. */
import { demo } from '@safelight/providers/demo'
import { made } from './demo.ts'

const [bytes] = await made(demo(), { body: { prompt: 'a lake #seconds=0' } })
process.stdout.write(`${bytes?.length ?? 0}\n`)
