/**
 * `npx pnpm start` is a chain of processes: npx, a shell, pnpm, us. A signal to npx alone kills npx and nobody else, so the
 * server would live on unseen. We therefore watch the chain that launched us and stop when a link of it is gone.
 */
import { readFileSync } from 'node:fs'

const WATCH_EVERY_MILLISECONDS = 500
/** Longer than any real chain; a bound for a damaged process table. */
const CHAIN_MAX_LINKS = 16

interface ProcessEntry {
  pid: number
  parent: number
  /** Ticks since boot: tells a process from a later one with the same number. */
  startedAt: string
  command: string
}

/** Calls `onGone` once when npx, or a process between it and us, has ended. Does nothing where we were started directly. */
export function watchLauncher(onGone: () => void): () => void {
  const chain = launchChain()
  if (chain.length === 0) return () => undefined
  const timer = setInterval(() => {
    if (chain.every(isAlive)) return
    clearInterval(timer)
    onGone()
  }, WATCH_EVERY_MILLISECONDS)
  timer.unref()
  return () => clearInterval(timer)
}

/** From our parent up to npx; empty without npx, and wherever there is no `/proc`. */
export function launchChain(pid: number = process.ppid): ProcessEntry[] {
  const chain: ProcessEntry[] = []
  for (let entry = look(pid); entry && chain.length < CHAIN_MAX_LINKS; entry = look(entry.parent)) {
    chain.push(entry)
    if (isNpx(entry.command)) return chain
  }
  return []
}

/** npm renames its process to `npm exec …`; until it has, the command line ends in the npx script. */
function isNpx(command: string): boolean {
  return /^npm exec( |$)/.test(command) || /(^|[/\\ ])npx(-cli\.js)?( |$)/.test(command)
}

function isAlive({ pid, startedAt }: ProcessEntry): boolean {
  return look(pid)?.startedAt === startedAt
}

function look(pid: number): ProcessEntry | null {
  if (pid <= 1) return null
  try {
    // "pid (name) state ppid …": the name may hold spaces and brackets, the rest never does.
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\) /s, '')
      .split(' ')
    const [state = 'X', parent = '0'] = fields
    if (state === 'Z' || state === 'X') return null
    const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim()
    return { pid, parent: Number(parent), startedAt: fields[19] ?? '', command }
  } catch {
    // Gone, or a system without /proc.
    return null
  }
}

/** Calls `onGone` when a program that started us with a channel to itself has ended. */
export function watchChannel(onGone: () => void): () => void {
  if (!process.connected) return () => undefined
  process.once('disconnect', onGone)
  process.channel?.unref()
  return () => process.off('disconnect', onGone)
}
