/** `safelight registry`: are the providers still what our models take them to be? */
import { readFile } from 'node:fs/promises'
import type { Model } from '@safelight/core'
import { driftOf, priceText, usesOf, type DriftReport } from '@safelight/providers/registry'
import { keyNameOf, readProviderVariables } from '@safelight/server/node'
import { EXIT, PlainError, textOption, type Command, type CommandLine } from './command.ts'
import { loadAllProviders, shutdownNotice, transportFor } from './providers.ts'
import { askVendors, DESCRIBED, openaiShutdowns, type AskOptions } from './registry-documents.ts'
import { table } from './table.ts'

export const registry: Command = {
  name: 'registry',
  help: `Compares the models that come with safelight with what their providers say.

Usage: safelight registry sync [--json] [--since <file>]
       safelight registry check [--json]

sync asks fal, WaveSpeed and Replicate for the descriptions of all endpoints that we use, and tells what is
not as we take it to be: an endpoint that is gone, a field or a value that is not known any more, a field
that is required and missing. WaveSpeed and Replicate answer only with a key in the environment
(WAVESPEED_API_TOKEN, REPLICATE_API_TOKEN), and fal tells its prices only with one (FAL_KEY). Where
FAL_REST_URL or FAL_BASE_URL names another place than fal, descriptions and prices are read there.
check tells which models are about to be shut down. It asks nobody, but OpenAI where OPENAI_API_KEY is set.

  --json              one JSON object instead of a table
  --since <file>      an earlier answer of sync --json: prices that changed since are told, too

Exit code: 0 all is as we take it to be (shutdowns that are known are warnings), 1 something is not or could
not be read, 2 not understood.`,
  options: { json: { type: 'boolean' }, since: { type: 'string' } },

  async run(line) {
    const [word, ...more] = line.words
    if (more.length > 0 || (word !== 'sync' && word !== 'check'))
      throw new PlainError('What should be done? safelight registry sync, or safelight registry check.', EXIT.usage)
    const variables = readProviderVariables()
    const transport = transportFor(variables)
    const fetch: typeof globalThis.fetch = (...call) => transport.api('registry')(...call)
    try {
      const models = (await loadAllProviders(variables)).flatMap(provider => provider.models ?? [])
      const options = { ...variables, fetch }
      return await (word === 'sync' ? sync(line, models, options) : check(line, models, options))
    } finally {
      await transport.close()
    }
  },
}

async function sync(line: CommandLine, models: readonly Model[], options: AskOptions): Promise<number> {
  const before = await pricesBefore(textOption(line, 'since'))
  const all = usesOf(models, DESCRIBED)
  const listings = await askVendors(all, options)
  const uses = all.filter(use => listings.has(use))
  const report = driftOf(uses, use => listings.get(use)!, before)
  const notAsked = [...new Set(all.filter(use => !listings.has(use)).map(({ provider }) => provider))]
  if (line.options['json']) print(JSON.stringify({ ...report, notAsked }, null, 2))
  else tell(report)
  for (const provider of notAsked) warn(`${provider} was not asked: set ${keyNameOf(provider)}.`)
  return report.findings.length > 0 || report.unread.length > 0 ? EXIT.failed : EXIT.done
}

function tell({ findings, unread, prices, checked }: DriftReport): void {
  const rows = findings.map(({ provider, endpoint, models, problem, field, detail }) => {
    return [
      provider,
      endpoint,
      models.join(', '),
      problem.replaceAll('_', ' '),
      [field, detail].filter(Boolean).join(' '),
    ]
  })
  if (rows.length > 0) print(table(['provider', 'endpoint', 'models', 'problem', 'what'], rows))
  const priced = Object.entries(prices).map(([key, price]) => [...key.split(' '), priceText(price)])
  if (priced.length > 0) print(`${rows.length > 0 ? '\n' : ''}${table(['provider', 'endpoint', 'price'], priced)}`)
  for (const [provider, reasons] of Map.groupBy(unread, each => each.provider))
    for (const [reason, endpoints] of Map.groupBy(reasons, each => each.reason))
      warn(`${endpoints.length} of ${provider} could not be compared: ${reason}.`)
  warn(`${checked} endpoints compared, ${findings.length === 0 ? 'no drift' : `${findings.length} found`}.`)
}

async function pricesBefore(path: string | undefined): Promise<DriftReport['prices']> {
  if (path === undefined) return {}
  const text = await readFile(path, 'utf8')
  try {
    const { prices } = JSON.parse(text) as Partial<DriftReport>
    if (typeof prices === 'object' && prices !== null) return prices
  } catch {
    // Said below, in the same words for everything that is no such file.
  }
  throw new PlainError(`${path} is no answer of safelight registry sync --json.`, EXIT.usage)
}

interface Shutdown {
  model: string
  sentence: string
  /** We offer what is not there any more, or do not know of its end. */
  isWrong: boolean
}

async function check(line: CommandLine, models: readonly Model[], options: AskOptions): Promise<number> {
  const now = Date.now()
  const known = models.flatMap((model): Shutdown[] => {
    const sentence = shutdownNotice(model, now)
    if (sentence === null) return []
    const isOver = Date.parse(model.lifecycle!.shutdownAt!) <= now
    return [{ model: model.id, sentence, isWrong: isOver && model.lifecycle!.status !== 'disabled' }]
  })
  const announced = announcedBy(await openaiShutdowns(options), models)
  const shutdowns = [...new Map([...known, ...announced].map(each => [each.sentence, each])).values()]
  if (line.options['json']) print(JSON.stringify({ shutdowns }, null, 2))
  else for (const { sentence } of shutdowns) print(sentence)
  if (shutdowns.length === 0 && !line.options['json']) warn('No model is about to be shut down.')
  return shutdowns.some(({ isWrong }) => isWrong) ? EXIT.failed : EXIT.done
}

/** Dates that OpenAI tells and our catalogue does not. */
function announcedBy(dates: Map<string, string> | null, models: readonly Model[]): Shutdown[] {
  if (!dates) return []
  return models.flatMap(({ id, lifecycle, routes }): Shutdown[] => {
    const made = routes.filter(({ provider }) => provider === 'openai').map(({ endpoint }) => endpoint)
    const named = [...dates].find(([model]) => made.some(endpoint => endpoint.split('/').includes(model)))
    if (!named || lifecycle?.shutdownAt?.slice(0, 10) === named[1].slice(0, 10)) return []
    const sentence = `${id} will be shut down on ${named[1]} says OpenAI, and we do not know of it.`
    return [{ model: id, sentence, isWrong: true }]
  })
}

function print(text: string): void {
  process.stdout.write(`${text}\n`)
}

function warn(text: string): void {
  process.stderr.write(`${text}\n`)
}
