import { readFileSync } from 'node:fs'
import { defineConfig } from 'tsup'

const manifest = JSON.parse(readFileSync('package.json', 'utf8')) as {
  exports: Record<string, string | { default: string }>
  devDependencies: Record<string, string>
}
const built = Object.values(manifest.exports).flatMap(target => (typeof target === 'string' ? [] : [target.default]))
const names = built.map(file => file.replace(/^\.\/dist\/(.*)\.js$/, '$1'))
const entries = Object.fromEntries(names.map(name => [name, `src/${name}.ts`]))

export default defineConfig({
  // The demo's worker lies beside the entry that starts it, and is found from there.
  entry: { ...entries, 'demo/worker': 'src/demo/worker.ts' },
  outDir: 'dist',
  format: 'esm',
  target: 'es2023',
  dts: { entry: entries },
  // What several entries share is one file; nothing is bundled, not even what only a checkout has.
  splitting: true,
  external: [/^node:/, ...Object.keys(manifest.devDependencies)],
  sourcemap: true,
  clean: true,
})
