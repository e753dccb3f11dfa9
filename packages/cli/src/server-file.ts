/**
 * `server.json` in the data directory tells other programs of the same person where the server is, and lets them in: an
 * access token of this machine's own account, for the owner's eyes alone.
 */
import { readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Log } from '@safelight/server'
import type { RunningServer } from '@safelight/server/node'

/** Well before a session ends. */
const RENEW_HOURS = 24

/** What `server.json` holds; no token where accounts are not local to this machine. */
export interface ServerFile {
  url: string
  pid: number
  token: string | null
}

/** Writes the file and keeps its token fresh. Returns the way to take it back. */
export async function announce(
  { url, port }: Pick<RunningServer, 'url' | 'port'>,
  directory: string,
  log: Log,
): Promise<() => Promise<void>> {
  const path = join(directory, 'server.json')
  const write = async (): Promise<void> => {
    const file: ServerFile = { url, pid: process.pid, token: await localToken(port) }
    const aside = `${path}.${process.pid}`
    await writeFile(aside, `${JSON.stringify(file)}\n`, { mode: 0o600 })
    await rename(aside, path)
  }
  await write()
  const renew = () =>
    void write().catch(() => log('warn', 'server.json could not be renewed; the next try is in a day'))
  const timer = setInterval(renew, RENEW_HOURS * 3_600_000)
  timer.unref()
  return async () => {
    clearInterval(timer)
    // With Postgres several servers may share a directory: only our own is taken back.
    const { pid } = JSON.parse(await readFile(path, 'utf8').catch(() => '{}')) as Partial<ServerFile>
    if (pid === process.pid) await rm(path, { force: true })
  }
}

async function localToken(port: number): Promise<string | null> {
  const answer = await fetch(`http://127.0.0.1:${port}/auth/local`, { method: 'POST' }).catch(() => null)
  if (!answer?.ok) return null
  return ((await answer.json()) as { accessToken: string }).accessToken
}
