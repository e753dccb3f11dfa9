/** The command `simulate` as a process, and what it is told. */
import { emptyFolder, safelight, type Running } from './processes.ts'

export interface Simulated extends Running {
  /** The lines for the environment of who uses it. */
  env: Record<string, string>
  /** As `POST /__simulator` takes it. */
  script(message: { provider: string } & Record<string, unknown>): Promise<void>
  /** Accepted jobs of a vendor, oldest first. */
  accepted(provider: string): Promise<{ endpoint: string; outcome: string; paid: boolean }[]>
}

/** Every provider on free ports, with jobs that take a moment. */
export async function startSimulators(): Promise<Simulated> {
  const running = safelight(['simulate', '--port', '0', '--seconds', '0.3'], { cwd: await emptyFolder() })
  const said = await running.until(/script {3}POST \S+\n/)
  const env = Object.fromEntries(
    said
      .split('\n')
      .filter(line => /^[A-Z_\d]+=/.test(line))
      .map(line => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
  )
  const [, control = ''] = /POST (\S+)/.exec(said) ?? []
  return {
    ...running,
    env,
    async script(message) {
      const answer = await fetch(control, { method: 'POST', body: JSON.stringify(message) })
      if (answer.status !== 204) throw new Error(await answer.text())
    },
    async accepted(provider) {
      const books = (await (await fetch(control)).json()) as Record<
        string,
        { jobs: { endpoint: string; outcome: string; paid: boolean }[] }
      >
      return books[provider]?.jobs ?? []
    },
  }
}
