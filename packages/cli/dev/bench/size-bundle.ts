/** An app's bundle, as esbuild splits it: what is loaded at first, and what is loaded later, if ever. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import { build, type Metafile } from 'esbuild'

export interface Bundle {
  /** The file that an app imports. */
  entry: string
  /** The entry and everything that it imports by statements, gzipped as one file: into how many is up to the bundler. */
  firstKilobytes: number
  /** With everything behind an `import()`, each file gzipped by itself, as it is loaded. */
  wholeKilobytes: number
}

const cli = fileURLToPath(new URL('../..', import.meta.url))

/** `built`: from `dist`, as an app has it; else from the sources, which are never old. */
export async function bundled(contents: string, outdir: string, from: 'sources' | 'built'): Promise<Bundle> {
  const { metafile } = await build({
    stdin: { contents, resolveDir: cli, loader: 'ts' },
    absWorkingDir: outdir,
    outdir,
    bundle: true,
    splitting: true,
    metafile: true,
    minify: true,
    format: 'esm',
    outExtension: { '.js': '.mjs' },
    target: 'es2023',
    external: ['node:*'],
    conditions: from === 'sources' ? ['@safelight/source'] : [],
    logLevel: 'error',
  })
  const files = Object.keys(metafile.outputs)
  const entry = files.find(file => metafile.outputs[file]?.entryPoint === '<stdin>')
  if (entry === undefined) throw new Error('The bundle has no entry')
  const first = importedBy(entry, metafile.outputs)
  const kilobytes = (...names: string[]) => {
    const text = Buffer.concat(names.map(name => readFileSync(join(outdir, name))))
    return gzipSync(text, { level: 9 }).length / 1000
  }
  const firstKilobytes = kilobytes(...first)
  const later = files.filter(file => !first.has(file)).map(file => kilobytes(file))
  return {
    entry: join(outdir, entry),
    firstKilobytes,
    wholeKilobytes: later.reduce((sum, each) => sum + each, firstKilobytes),
  }
}

/** The file itself, and all that has to be there before it runs. */
function importedBy(file: string, outputs: Metafile['outputs'], known = new Set<string>()): Set<string> {
  const output = outputs[file]
  if (!output || known.has(file)) return known
  known.add(file)
  for (const { kind, path } of output.imports) if (kind === 'import-statement') importedBy(path, outputs, known)
  return known
}
