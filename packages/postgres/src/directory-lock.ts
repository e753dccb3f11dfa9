/**
 * Keeps a directory for one process. PGlite itself does not: two processes that open the same directory both work, and
 * what one of them writes is lost.
 *
 * Every candidate puts a claim of its own, named after its process, into the folder `<directory>.lock`, and only then
 * looks for others. Of two that come at once at least one sees the other and withdraws. The claim of a dead process is
 * removed by whoever finds it; as a name is used once, nobody can remove the claim of a living one by being too slow.
 */
import { execFileSync } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { mkdir, open, readdir, readFile, rm } from 'node:fs/promises'
import { rmSync } from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

export interface DirectoryLock {
  release: () => void
}

/** Another process has the directory open; the message names it. */
export class DirectoryInUse extends Error {
  override readonly name = 'DirectoryInUse'
}

const held = new Set<string>()
/** A rival that withdraws as well is gone after a moment; one that holds the lock is still there. */
const TRIES = 4
const PAUSE_MS = 60

/** Throws, with a sentence that names the holder, where `directory` is in use. */
export async function lockDirectory(directory: string): Promise<DirectoryLock> {
  if (held.has(directory))
    throw new Error(`${directory} is already open in this process; use the database that opened it.`)
  held.add(directory)
  try {
    return await claim(directory)
  } catch (error) {
    held.delete(directory)
    throw error
  }
}

async function claim(directory: string): Promise<DirectoryLock> {
  const folder = `${directory}.lock`
  const name = [thisHost(), process.pid, (await identityOf(process.pid)) ?? 'unknown', randomUUID()].join('_')
  const path = join(folder, name)
  await mkdir(folder, { recursive: true })
  for (let tries = 1; ; tries++) {
    await (await open(path, 'wx')).close()
    const holder = await livingClaim(folder, name)
    if (!holder) return { release: releaser(directory, path) }
    await rm(path, { force: true })
    if (tries === TRIES) throw new DirectoryInUse(inUse(directory, folder, holder))
    await sleep(PAUSE_MS * (0.5 + Math.random()))
  }
}

function releaser(directory: string, path: string): () => void {
  const release = () => {
    rmSync(path, { force: true })
    held.delete(directory)
    process.off('exit', release)
  }
  process.once('exit', release)
  return release
}

interface Claim {
  host: string
  pid: number
  identity: string
  file: string
}

/** The claim of another process that lives, or that nobody here can tell about; those of the dead are removed. */
async function livingClaim(folder: string, mine: string): Promise<Claim | undefined> {
  for (const file of await readdir(folder)) {
    if (file === mine) continue
    const [host = '', pid = '', identity = ''] = file.split('_')
    const found = { host, pid: Number(pid), identity, file }
    if (host !== thisHost() || (await identityOf(found.pid)) === identity) return found
    await rm(join(folder, file), { force: true })
  }
  return undefined
}

function inUse(directory: string, folder: string, { host, pid, file }: Claim): string {
  if (host === thisHost()) return `${directory} is in use by process ${pid}; one process at a time can open it.`
  return `${directory} is in use by process ${pid} on ${host}; if that machine is gone, delete ${join(folder, file)}.`
}

function thisHost(): string {
  return hostname().replaceAll(/[^A-Za-z0-9.-]/g, '-')
}

/** What tells a process from a later one with the same number; null where there is none. */
async function identityOf(pid: number): Promise<string | null> {
  if (process.platform === 'linux') return linuxIdentityOf(pid)
  try {
    process.kill(pid, 0)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return null
  }
  if (process.platform === 'win32') return 'alive'
  const started = execFileSync('ps', ['-o', 'lstart=', '-p', String(pid)], { encoding: 'utf8' })
  return started.trim().replaceAll(/[^A-Za-z0-9]+/g, '-')
}

/** The boot, and the tick of it in which the process started. */
async function linuxIdentityOf(pid: number): Promise<string | null> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => null)
  if (stat === null) return null
  // The name of the program comes second, in parentheses, and may hold anything.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  if (fields[0] === 'Z' || fields[0] === 'X') return null
  const boot = await readFile('/proc/sys/kernel/random/boot_id', 'utf8')
  return `${boot.slice(0, 8)}-${fields[19]}`
}
