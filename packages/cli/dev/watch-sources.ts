/** Tells of changed sources, a burst of changes as one. */
import { existsSync, watch } from 'node:fs'

const SETTLE_MILLISECONDS = 100
const SOURCE = /\.(ts|sql|json)$/
const NOT_RUNNING = /\.test\.ts$/

/** Returns the way to stop. */
export function watchSources(directories: readonly string[], changed: (file: string) => void): () => void {
  let timer: NodeJS.Timeout | undefined
  const watchers = directories.filter(existsSync).map(directory =>
    watch(directory, { recursive: true }, (_event, file) => {
      if (file === null || !SOURCE.test(file) || NOT_RUNNING.test(file)) return
      clearTimeout(timer)
      timer = setTimeout(() => changed(file), SETTLE_MILLISECONDS)
    }),
  )
  return () => {
    clearTimeout(timer)
    for (const watcher of watchers) watcher.close()
  }
}
