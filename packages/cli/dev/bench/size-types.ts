/** What the types of three providers cost an app, and that they refuse what they should: as its compiler sees the built packages. */
import { spawnSync } from 'node:child_process'
import { existsSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { row } from './numbers.ts'

const GOAL_TYPES = 2500
const packages = fileURLToPath(new URL('../../..', import.meta.url))
const compiler = fileURLToPath(new URL('../../../../node_modules/typescript/bin/tsc', import.meta.url))

/** An expectation that nothing fulfils is an error as well: the compiler proves every refusal. */
const APP = `
import { createStudio } from '@safelight/core'
import { fal } from '@safelight/providers/fal'
import { huggingface } from '@safelight/providers/huggingface'
import { wavespeed } from '@safelight/providers/wavespeed'

const studio = createStudio({ providers: [fal(), wavespeed(), huggingface()] })
export const image = studio.generate({ model: 'flux-schnell', input: { prompt: 'a fox', size: 'square', count: 2 } })
export const video = studio.generate({ model: 'lovely', input: { prompt: 'a fox', duration: 5 } })
export const refused = [
  // @ts-expect-error there is no such model
  studio.generate({ model: 'flux-schnel', input: { prompt: 'a fox' } }),
  // @ts-expect-error there is no such style
  studio.generate({ model: 'flux-schnell', input: { prompt: 'a fox', style: 'lovely' } }),
  // @ts-expect-error there is no such size
  studio.generate({ model: 'flux-schnell', input: { prompt: 'a fox', size: 'huge' } }),
  // @ts-expect-error there is no such duration
  studio.generate({ model: 'lovely', input: { prompt: 'a fox', duration: 4 } }),
  // @ts-expect-error there is no such key
  studio.generate({ model: 'flux-schnell', input: { prompt: 'a fox', negative_prompt: 'x' } }),
  // @ts-expect-error a provider has no such option
  fal({ key: 'x' }),
]
`

export function reportTypes(): void {
  if (!existsSync(join(packages, 'providers/dist/fal/index.d.ts'))) {
    console.log('types: the packages are not built; run pnpm build first')
    return
  }
  const empty = check('export {}\n')
  const app = check(APP)
  console.log(row('types of an empty program', empty.types, ''))
  console.log(row('types of an app with three providers', app.types, '', GOAL_TYPES))
  console.log(row('instantiations', app.instantiations, ''))
  for (const error of app.errors) console.log(`  MISSED: ${error}`)
  if (app.errors.length > 0) process.exitCode = 1
}

/** In a folder of ours, so that the packages are found as an app finds them: by what they were built to. */
function check(program: string): { types: number; instantiations: number; errors: string[] } {
  const file = join(packages, 'cli', `types-${process.pid}.ts`)
  writeFileSync(file, program)
  try {
    const options = ['--ignoreConfig', '--noEmit', '--strict', '--exactOptionalPropertyTypes', '--skipLibCheck']
    const target = ['--target', 'es2023', '--lib', 'es2024,dom', '--module', 'nodenext', '--extendedDiagnostics']
    const { stdout } = spawnSync(process.execPath, [compiler, ...options, ...target, file], { encoding: 'utf8' })
    const count = (name: string) => Number(new RegExp(`^${name}: +(\\d+)`, 'm').exec(stdout)?.[1])
    const errors = stdout.split('\n').filter(line => line.includes('error TS'))
    return { types: count('Types'), instantiations: count('Instantiations'), errors }
  } finally {
    rmSync(file)
  }
}
