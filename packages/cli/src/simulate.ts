/** `safelight simulate`: every provider on this machine, for apps under test in any language. */
import { serveByVariables, simulators, type Simulator } from '@safelight/providers/testing'
import { baseUrlNamesOf, keyNameOf } from '@safelight/server/node'
import { EXIT, PlainError, refuseWords, textOption, wholeOption, type Command, type CommandLine } from './command.ts'
import { watchChannel, watchLauncher } from './launcher.ts'

const DEFAULT_PORT = 7777
const DEFAULT_SECONDS = 1
const SECONDS_MAX = 3600
const PORT_MAX = 65_535

export const simulate: Command = {
  name: 'simulate',
  help: `Serves simulators of every provider on 127.0.0.1: they answer as the vendors do, make real small files,
fail as the vendors fail, and bill nobody. The lines for the environment of the app under test go to
standard output, one for each variable.

Usage: safelight simulate [options]

  --port <n>          the first port; every origin has one, in a row (${DEFAULT_PORT}; 0 takes any that are free)
  --seconds <n>       how long a job takes (${DEFAULT_SECONDS})
  --list              what each vendor's simulator can be told to do, and end

How a job goes is told by words in its prompt: "a fox #sim:content_policy", "#sim:seconds=3",
"#sim:outputs=good,flagged", "#sim:bytes=300000000"; --list has the names.

Or by whoever posts JSON to /__simulator, at any of the addresses:
  {"provider": "fal", "next": {"scenario": "content_policy"}}
  {"provider": "fal", "fault": {"fault": "lost", "on": "submit"}}
  {"provider": "fal", "exhaust": "anything"}
GET /__simulator answers with the books: what was asked, accepted and would be billed.

Try:
  safelight simulate > simulators.env &
  env $(cat simulators.env) safelight start`,
  options: { port: { type: 'string' }, seconds: { type: 'string' }, list: { type: 'boolean' } },

  async run(line) {
    refuseWords(simulate, line)
    const options = { port: portOf(line), seconds: secondsOf(line) }
    if (line.options['list']) return list()
    const served = await serveByVariables(simulators, options)
    // Whoever reads the lines may stop it at once.
    const stopped = untilStopped()
    for (const simulator of simulators) {
      const lines = environmentOf(simulator, served.baseUrls)
      process.stdout.write(lines.map(each => `${each}\n`).join(''))
    }
    process.stderr.write(
      `\n  ${simulators.length} providers are simulated\n\n  script   POST ${served.url}/__simulator\n  stop     Ctrl-C\n`,
    )
    await stopped
    await served.close()
    return EXIT.done
  },
}

/** Only variables that are read; a vendor may have further origins, which its answers lead to. */
function environmentOf({ provider }: Simulator, baseUrls: Record<string, string>): string[] {
  const key = keyNameOf(provider)
  const urls = baseUrlNamesOf(provider).flatMap(name => (baseUrls[name] ? [`${name}=${baseUrls[name]}`] : []))
  return key === undefined ? urls : [...urls, `${key}=${provider === 'huggingface' ? 'hf_anything' : 'anything'}`]
}

function list(): number {
  for (const { provider, scenarios } of simulators)
    for (const { name, sheet, expect } of scenarios)
      process.stdout.write(`${provider.padEnd(12)} #sim:${name.padEnd(28)} ${expect.kind.padEnd(18)} ${sheet}\n`)
  return EXIT.done
}

async function untilStopped(): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  const stop = () => resolve()
  process.once('SIGINT', stop).once('SIGTERM', stop)
  const unwatch = [watchLauncher(stop), watchChannel(stop)]
  await promise
  process.off('SIGINT', stop).off('SIGTERM', stop)
  for (const end of unwatch) end()
}

function portOf(line: CommandLine): number {
  const port = wholeOption(line, 'port') ?? DEFAULT_PORT
  if (port > PORT_MAX) throw new PlainError(`--port takes a port from 0 to ${PORT_MAX}.`, EXIT.usage)
  return port
}

function secondsOf(line: CommandLine): number {
  const text = textOption(line, 'seconds') ?? String(DEFAULT_SECONDS)
  const seconds = Number(text)
  if (!/^\d{1,4}(\.\d{1,3})?$/.test(text) || seconds > SECONDS_MAX)
    throw new PlainError(`--seconds takes seconds from 0 to ${SECONDS_MAX}, such as --seconds 0.5.`, EXIT.usage)
  return seconds
}
