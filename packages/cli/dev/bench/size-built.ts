/** What an app gets is what was built, and that may be older than the sources. */
import { existsSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const packages = fileURLToPath(new URL('../../..', import.meta.url))

/** Says so where the core or the providers have to be built before they can be measured, or built again. */
export function isBuilt(): boolean {
  for (const name of ['core', 'providers']) {
    const dist = join(packages, name, 'dist')
    if (!existsSync(dist)) {
      console.log(`${name} is not built; run pnpm build first`)
      return false
    }
    if (newestIn(dist) < newestIn(join(packages, name, 'src'))) {
      console.log(`${name} has changed since it was built: what follows from the build is old until pnpm build`)
    }
  }
  return true
}

function newestIn(folder: string): number {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter(
    each => each.isFile() && !each.name.endsWith('.test.ts'),
  )
  return Math.max(...files.map(({ parentPath, name }) => statSync(join(parentPath, name)).mtimeMs))
}
