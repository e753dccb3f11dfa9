import { writeFile } from 'node:fs/promises'
import { createStudio } from '@safelight/core'
import { demo } from '@safelight/providers/demo'

const studio = createStudio({ providers: [demo()] })
const { media } = await studio.generate({ model: 'demo-image', input: { prompt: 'a red fox in snow' } })
await writeFile('fox.png', await media[0].read())
