#!/usr/bin/env node
import { enableCompileCache } from 'node:module'
import { fileURLToPath } from 'node:url'

// A third of a warm start is parsing; where the folder cannot be written, everything works without it.
enableCompileCache(fileURLToPath(new URL('../node_modules/.cache/compiled', import.meta.url)))
const { main } = await import('./main.ts')
process.exitCode = await main(process.argv.slice(2))
