import { defineConfig } from 'tsup'

export default defineConfig({
  // the worker lies beside the entry that starts it, and is found from there
  entry: { 'demo/index': 'src/demo/index.ts', 'demo/worker': 'src/demo/worker.ts' },
  outDir: 'dist',
  format: 'esm',
  target: 'node22',
  dts: { entry: { 'demo/index': 'src/demo/index.ts' } },
  sourcemap: true,
  splitting: false,
  clean: true,
})
