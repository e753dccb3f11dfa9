/** `pnpm bench <name>`: figures with their goals, measured here and now. Ratios within one run mean more than seconds. */
interface Bench {
  about: string
  run: (options: readonly string[]) => Promise<void>
}

const BENCHES: Record<string, Bench> = {
  admission: {
    about: 'admitting a job on a real Postgres, against naive ways of doing it',
    run: async () => (await import('../../postgres/bench/admission.ts')).run(),
  },
  books: {
    about: 'reconciling ten thousand new entries in a ledger of two million, on a real Postgres',
    run: async () => (await import('../../postgres/bench/reconciliation.ts')).run(),
  },
  database: {
    about:
      'limits, growth, one user in a hurry, several servers, PostgREST: ratios on a real Postgres; or some of them by name',
    run: async options => (await import('./bench/database.ts')).run(options),
  },
  start: {
    about: 'from `start` to the first answer, warm; --cold: from a bare clone',
    run: async options => (await import('./bench/start.ts')).run(options),
  },
  size: {
    about: 'what an app loads: core and a provider, minified and gzipped, the CPU time of importing it, and its types',
    run: async () => (await import('./bench/size.ts')).run(),
  },
  stream: {
    about: 'a 300 MiB output into the store of files: memory and time, against a raw stream',
    run: async () => (await import('./bench/stream.ts')).run(),
  },
  pool: {
    about:
      'the token pool under a virtual clock, then of three servers on one Postgres; --virtual, --servers: one of them',
    run: async options => (await import('./bench/pool.ts')).run(options),
  },
  clients: {
    about: 'jobs at fal.ai over a loopback server: CPU, lag and requests, against its own client',
    run: async () => (await import('./bench/clients.ts')).run(),
  },
  abort: {
    about: 'how soon an abort is heard in every phase of a job: by the caller, and by the vendor',
    run: async () => (await import('./bench/abort.ts')).run(),
  },
}

const [name, ...options] = process.argv.slice(2)
const bench = name !== undefined && Object.hasOwn(BENCHES, name) ? BENCHES[name] : undefined
if (bench) {
  await bench.run(options)
} else {
  const rows = Object.entries(BENCHES).map(([each, { about }]) => `  ${each.padEnd(10)} ${about}`)
  const out = name === undefined ? process.stdout : process.stderr
  out.write(`${name === undefined ? '' : `There is no benchmark "${name}".\n`}pnpm bench <name>:\n${rows.join('\n')}\n`)
  if (name !== undefined) process.exitCode = 2
}
