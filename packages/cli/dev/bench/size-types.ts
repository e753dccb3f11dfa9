/** What the types of three providers cost an app, and that they refuse what they should: as its compilers see the built packages. */
import { spawnSync } from 'node:child_process'
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { row } from './numbers.ts'
import { packages } from './size-built.ts'

const GOAL_TYPES = 2500

/** An expectation that nothing fulfils is an error as well: the compiler proves every refusal. */
const APP = `
import { createStudio, defineModel } from '@safelight/core'
import { fal } from '@safelight/providers/fal'
import { huggingface } from '@safelight/providers/huggingface'
import { wavespeed } from '@safelight/providers/wavespeed'

const studio = createStudio({ providers: [fal(), wavespeed(), huggingface()] })
export const image = studio.generate({ model: 'flux-schnell', input: { prompt: 'a fox', size: 'square', count: 2 } })
export const video = studio.generate({ model: 'lovely', input: { prompt: 'a fox', duration: 5 } })

const styled = defineModel({
  id: 'styled',
  name: 'Styled',
  kind: 'image',
  description: '',
  sizes: { square: { width: 1024, height: 1024 } },
  styles: [{ id: 'photo', name: 'Photo' }],
  timeoutSeconds: 60,
  routes: [{ provider: 'fal', endpoint: 'fal-ai/x', body: () => ({}) }],
})
const ofOwnModels = createStudio({ providers: [fal()], models: [styled] })
export const photo = ofOwnModels.generate({ model: 'styled', input: { prompt: 'a fox', style: 'photo' } })

export const refused = [
  // @ts-expect-error there is no such model
  studio.generate({ model: 'flux-schnel', input: { prompt: 'a fox' } }),
  // @ts-expect-error it has no styles
  studio.generate({ model: 'flux-schnell', input: { prompt: 'a fox', style: 'photo' } }),
  // @ts-expect-error there is no such style
  ofOwnModels.generate({ model: 'styled', input: { prompt: 'a fox', style: 'poster' } }),
  // @ts-expect-error nobody makes that size
  studio.generate({ model: 'flux-schnell', input: { prompt: 'a fox', size: 'huge' } }),
  // @ts-expect-error Veo makes no squares
  studio.generate({ model: 'veo-3.1-fast', input: { prompt: 'a fox', size: 'square' } }),
  // @ts-expect-error there is no such duration
  studio.generate({ model: 'lovely', input: { prompt: 'a fox', duration: 4 } }),
  // @ts-expect-error there is no such key
  studio.generate({ model: 'flux-schnell', input: { prompt: 'a fox', negative_prompt: 'x' } }),
  // @ts-expect-error a provider has no such option
  fal({ key: 'x' }),
  // @ts-expect-error a provider has no such option
  wavespeed({ baseURL: 'https://example.com' }),
  // @ts-expect-error a provider has no such option
  huggingface({ token: 'x' }),
]
`

/** Both that an app may have: what is counted is the same, and only what differs between them could surprise. */
const COMPILERS = { 'TypeScript 6': 'typescript', 'TypeScript 7': 'typescript-native' }

/** `folder` is empty and of nobody else: the packages are found from there as an app finds them. */
export function reportTypes(folder: string): void {
  const scope = join(folder, 'node_modules/@safelight')
  mkdirSync(scope, { recursive: true })
  for (const name of ['core', 'providers']) symlinkSync(join(packages, name), join(scope, name), 'junction')
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }')
  for (const [name, compiler] of Object.entries(COMPILERS)) {
    const empty = check(folder, compiler, 'export {}\n')
    const app = check(folder, compiler, APP)
    console.log(row(`${name}: types of an empty program`, empty.types, ''))
    console.log(row(`  of an app with three providers`, app.types, ''))
    console.log(row(`  beyond the empty program`, app.types - empty.types, '', GOAL_TYPES))
    console.log(row(`  instantiations`, app.instantiations, ''))
    console.log(row(`  time of all, for that of the empty program`, app.seconds / empty.seconds, 'x'))
    for (const error of [...empty.errors, ...app.errors]) console.log(`  MISSED: ${error}`)
    if (empty.errors.length + app.errors.length > 0) process.exitCode = 1
  }
}

interface Checked {
  types: number
  instantiations: number
  seconds: number
  errors: string[]
}

function check(folder: string, compiler: string, program: string): Checked {
  writeFileSync(join(folder, 'app.ts'), program)
  const command = join(packages, '../node_modules', compiler, 'bin/tsc')
  const options = ['--ignoreConfig', '--noEmit', '--strict', '--exactOptionalPropertyTypes', '--skipLibCheck']
  const target = ['--target', 'es2023', '--lib', 'es2024,dom', '--module', 'nodenext', '--extendedDiagnostics']
  const { stdout } = spawnSync(process.execPath, [command, ...options, ...target, 'app.ts'], {
    cwd: folder,
    encoding: 'utf8',
  })
  const figure = (name: string) => Number(new RegExp(`^${name}: +([\\d.]+)`, 'm').exec(stdout)?.[1])
  const errors = stdout.split('\n').filter(line => line.includes('error TS'))
  const checked = { types: figure('Types'), instantiations: figure('Instantiations'), seconds: figure('Total time') }
  // A compiler that did not run has found no error either.
  if (Object.values(checked).some(Number.isNaN)) errors.push(`${compiler} said nothing of what it did: ${stdout}`)
  return { ...checked, errors }
}
