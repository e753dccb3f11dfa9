/** After tsup: the published command line carries the built page. */
import { cp } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'

const path = (relative: string): string => fileURLToPath(new URL(relative, import.meta.url))
await cp(path('../../web/dist'), path('../dist/page'), { recursive: true, filter: file => !file.endsWith('/.inputs') })
