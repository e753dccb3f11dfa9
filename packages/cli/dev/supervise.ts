/** A server in a process of its own, that can be started anew; whoever has a request for it waits meanwhile. */
import { fork, type ChildProcess } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

const BIN = fileURLToPath(new URL('../src/bin.ts', import.meta.url))
const LOOK_EVERY_MILLISECONDS = 50
/** Longer than the server's own time to hand over what it is doing. */
const KILL_AFTER_MILLISECONDS = 15_000

export interface SupervisedServer {
  readonly port: number
  /** Resolves when the server takes requests; false when it did not within `seconds`. */
  ready(seconds: number): Promise<boolean>
  restart(reason: string): Promise<void>
  stop(): Promise<void>
}

export function superviseServer(port: number, say: (line: string) => void): SupervisedServer {
  const now: { child?: ChildProcess | undefined; isAnswering: boolean } = { isAnswering: false }
  let queue = Promise.resolve()

  const start = async (): Promise<void> => {
    const env = { ...process.env, PORT: String(port), HOST: '127.0.0.1' }
    // The channel tells the server when we are gone, however we went.
    const started = fork(BIN, ['start', '--no-page'], { env, stdio: ['ignore', 'ignore', 'inherit', 'ipc'] })
    now.child = started
    started.once('exit', () => {
      if (now.child !== started) return
      now.isAnswering = false
      now.child = undefined
      say('The server ended; it starts again at the next change.')
    })
    while (now.child === started) {
      if (await answers(port)) {
        now.isAnswering = now.child === started
        return
      }
      await sleep(LOOK_EVERY_MILLISECONDS)
    }
  }
  const end = async (): Promise<void> => {
    now.isAnswering = false
    const ending = now.child
    now.child = undefined
    if (!ending) return
    const ended = new Promise<void>(resolve => ending.once('exit', () => resolve()))
    ending.kill('SIGTERM')
    const timer = setTimeout(() => ending.kill('SIGKILL'), KILL_AFTER_MILLISECONDS)
    await ended
    clearTimeout(timer)
  }
  /** One after the other: the data directory has room for one server. */
  const inTurn = (step: () => Promise<void>): Promise<void> => (queue = queue.then(step))

  void inTurn(start)
  return {
    port,
    async ready(seconds) {
      const until = performance.now() + seconds * 1000
      while (!now.isAnswering && performance.now() < until) await sleep(LOOK_EVERY_MILLISECONDS)
      return now.isAnswering
    },
    restart: reason =>
      inTurn(async () => {
        say(`${reason} changed: starting the server again`)
        await end()
        await start()
      }),
    stop: () => inTurn(end),
  }
}

async function answers(port: number): Promise<boolean> {
  const response = await fetch(`http://127.0.0.1:${port}/healthz`).catch(() => null)
  await response?.body?.cancel()
  return response?.ok ?? false
}
