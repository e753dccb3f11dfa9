/** `pnpm chaos [name] [--seed n] [--runs n]`: the long forms of what the tests do for seconds. Ends with 1 where something broke. */
import { parseArgs } from 'node:util'

interface Chaos {
  about: string
  runs: number
  /** Answers whether everything held. */
  run(options: { runs: number; seed: number }): Promise<boolean>
}

const CHAOS: Record<string, Chaos> = {
  postgres: {
    about: 'operations on a real Postgres, while clients are killed, backends terminated and the server crashes',
    runs: 100_000,
    run: async ({ runs, seed }) => (await import('../../postgres/chaos/report.ts')).reportChaos(runs, seed),
  },
  ledger: {
    about: 'sequences of grants, charges and refunds against a model, on PGlite',
    runs: 10_000,
    run: async ({ runs, seed }) => (await import('../../postgres/chaos/report.ts')).reportLedger(runs, seed),
  },
  jobs: {
    about: 'whole jobs under a seed each, on PGlite: crashes, lost answers, late and double webhooks',
    runs: 2000,
    run: async ({ runs, seed }) => (await import('../../postgres/chaos/report.ts')).reportJobs(runs, seed),
  },
}

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { seed: { type: 'string' }, runs: { type: 'string' }, help: { type: 'boolean' } },
})
const names = positionals.length > 0 ? positionals : Object.keys(CHAOS)
const strangers = names.filter(name => !Object.hasOwn(CHAOS, name))
if (values.help || strangers.length > 0) {
  const rows = Object.entries(CHAOS).map(([name, { about, runs }]) => `  ${name.padEnd(10)} ${runs} ${about}`)
  console.error(`pnpm chaos [name …] [--seed n] [--runs n]\n${rows.join('\n')}`)
  process.exitCode = values.help ? 0 : 2
} else {
  for (const name of names) {
    const { runs, run } = CHAOS[name]!
    const seed = Number(values.seed ?? Math.floor(Math.random() * 2 ** 31))
    console.log(`${name}: seed ${seed}`)
    if (!(await run({ runs: Number(values.runs ?? runs), seed }))) process.exitCode = 1
  }
}
