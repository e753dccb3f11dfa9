/** The command line: finds the command, and turns what goes wrong into one plain sentence and an exit code. */
import { EXIT, readCommandLine, type Command } from './command.ts'
import { sentenceOf } from './sentence.ts'
import { version } from './version.ts'

/** Loaded when asked for: `--help` and `--version` answer without the rest. */
const COMMANDS: Record<string, { summary: string; load: () => Promise<Command> }> = {
  start: { summary: 'Run the server and its page', load: async () => (await import('./start.ts')).start },
  generate: {
    summary: 'Make a picture or a clip right here',
    load: async () => (await import('./generate.ts')).generate,
  },
  simulate: {
    summary: 'Serve simulators of every provider on this machine',
    load: async () => (await import('./simulate.ts')).simulate,
  },
  registry: {
    summary: 'Compare what we send to providers with what they say today',
    load: async () => (await import('./registry.ts')).registry,
  },
  migrate: { summary: 'Bring the database up to date', load: async () => (await import('./migrate.ts')).migrate },
  backup: {
    summary: 'Copy the data directory into one file',
    load: async () => (await import('./backup.ts')).backup,
  },
  restore: {
    summary: 'Make a data directory of such a file',
    load: async () => (await import('./restore.ts')).restore,
  },
  reconcile: {
    summary: 'Compare every balance with the ledger',
    load: async () => (await import('./upkeep.ts')).reconcile,
  },
  stats: { summary: 'Say how the jobs of the last hours went', load: async () => (await import('./upkeep.ts')).stats },
  anomalies: {
    summary: 'Say what is out of the ordinary',
    load: async () => (await import('./upkeep.ts')).anomalies,
  },
}

/** Runs one command line and answers with its exit code. */
export async function main(words: readonly string[]): Promise<number> {
  const [name, ...rest] = words
  if (name === undefined || name === '--help' || name === '-h' || (name === 'help' && rest.length === 0))
    return say(help())
  if (name === '--version' || name === '-v') return say(version())
  if (name === 'help') return main([...rest, '--help'])
  const entry = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined
  if (!entry) return fail(`There is no command "${name}". There are: ${Object.keys(COMMANDS).join(', ')}.`, EXIT.usage)
  try {
    const command = await entry.load()
    const line = readCommandLine(command, rest)
    return line.wantsHelp ? say(command.help) : await command.run(line)
  } catch (error) {
    const { text, code } = sentenceOf(error)
    return fail(text, code)
  }
}

function help(): string {
  const rows = Object.entries(COMMANDS).map(([name, { summary }]) => `  ${name.padEnd(10)} ${summary}`)
  return `safelight: pictures and clips from any provider, and every credit accounted for.

Usage: safelight <command> [options]

${rows.join('\n')}

  safelight <command> --help tells more; --version names the version.

Try:
  safelight generate "a red fox in snow"
  safelight start`
}

function say(text: string): number {
  process.stdout.write(`${text}\n`)
  return EXIT.done
}

function fail(text: string, code: number): number {
  process.stderr.write(`safelight: ${text}\n`)
  return code
}
