/**
 * One build for every package: tsup looks upwards for its configuration, and what to build follows from the package's own
 * `exports` and `bin`, so an entry is declared once. A package that needs more (a worker, say) has a file of its own.
 */
import { existsSync, readFileSync } from 'node:fs'
import { defineConfig } from 'tsup'

interface Manifest {
  exports?: Record<string, string | Record<string, string>>
  bin?: Record<string, string>
  devDependencies?: Record<string, string>
}

const { exports = {}, bin = {}, devDependencies = {} }: Manifest = JSON.parse(readFileSync('package.json', 'utf8'))
const modules = Object.values(exports).flatMap(target => (typeof target === 'string' ? [] : [target['default'] ?? '']))
const sourceOf = (built: string): string => built.replace(/^(\.\/)?dist\//, 'src/').replace(/\.js$/, '.ts')
/** A worker is loaded by its address, not imported, so it is an entry too. */
const workers = ['src/worker.ts'].filter(file => existsSync(file))

export default defineConfig({
  entry: [...modules, ...Object.values(bin)].map(sourceOf).concat(workers),
  format: 'esm',
  target: 'es2023',
  platform: 'neutral',
  dts: modules.length > 0,
  // Nothing is bundled, not even what only a checkout has.
  external: [/^node:/, ...Object.keys(devDependencies)],
  sourcemap: true,
  clean: true,
})
