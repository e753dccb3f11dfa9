/** `safelight generate`: one job, made right here, without a server or an account, and without a key where none is needed. */
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  createStudio,
  type FinishedJob,
  type JobRequest,
  type Studio,
  type StudioOptions,
  type SubmittedJob,
} from '@safelight/core'
import { files } from '@safelight/media/files'
import { demo } from '@safelight/providers/demo'
import { EXIT, PlainError, textOption, wholeOption, type Command, type CommandLine } from './command.ts'
import { saveMedia, type SavedFile } from './save.ts'
import { createProgress } from './progress.ts'
import { sentenceOf } from './sentence.ts'

const DEFAULT_MODEL = 'demo-image'
const INPUT_MAX_BYTES = 10 * 1024 * 1024

export const generate: Command = {
  name: 'generate',
  help: `Makes a picture or a clip right here: no server, no account, and no key for the models that are
drawn on this machine. With a provider's key in the environment (FAL_KEY, OPENAI_API_KEY …) its models
are there too, and the provider bills you.

Usage: safelight generate "<prompt>" [options]

  --model <id>        demo-image, demo-edit or demo-video (default ${DEFAULT_MODEL}), or a provider's, such as flux-dev
  --size <size>       portrait, square or landscape
  --duration <n>      seconds of a clip
  --style <id>        style of a clip
  --seed <n>          the same prompt and seed make the same picture
  --count <n>         how many
  --image <file>      a picture to start from; can be given again
  --out <path>        a file, or a folder with a slash behind it (default: a name made from the prompt)
  --json              print one JSON object when it is done

The files' names go to standard output, the progress to standard error. Ctrl-C cancels.
Exit code: 0 done, 1 failed, 2 not understood, 130 canceled.

Try:
  safelight generate "a red fox in snow" --size landscape --out fox.png
  safelight generate "make it night" --model demo-edit --image fox.png
  safelight generate "waves" --model demo-video --duration 3 --style lovely
  FAL_KEY=… safelight generate "a red fox in snow" --model flux-dev`,
  options: {
    model: { type: 'string' },
    size: { type: 'string' },
    duration: { type: 'string' },
    style: { type: 'string' },
    seed: { type: 'string' },
    count: { type: 'string' },
    image: { type: 'string', multiple: true },
    out: { type: 'string' },
    json: { type: 'boolean' },
  },

  async run(line) {
    const prompt = promptOf(line)
    const directory = await mkdtemp(join(tmpdir(), 'safelight-'))
    const studio: Studio = createStudio({ ...(await providersFor(modelOf(line))), media: files(directory) })
    try {
      return await make(studio, line, prompt)
    } catch (error) {
      if (line.options['json']) printJson({ error: failureOf(error) })
      throw error
    } finally {
      await studio.close()
      await rm(directory, { recursive: true, force: true })
    }
  },
}

/** The keys of this environment are looked at only where a model is asked for that is not drawn here. */
async function providersFor(model: string): Promise<Pick<StudioOptions, 'providers' | 'tokens' | 'transport'>> {
  const here = demo()
  if (here.models.some(({ id }) => id === model)) return { providers: [here] }
  const { readProviderVariables } = await import('@safelight/server/node')
  const { loadProviders, transportFor } = await import('./providers.ts')
  const variables = readProviderVariables()
  for (const warning of variables.warnings) process.stderr.write(`${warning}\n`)
  const providers = [...(await loadProviders(variables)), here]
  return { providers, tokens: variables.tokens, transport: transportFor(variables) }
}

function modelOf(line: CommandLine): string {
  return textOption(line, 'model') ?? DEFAULT_MODEL
}

function promptOf(line: CommandLine): string {
  const [prompt, ...more] = line.words
  if (prompt === undefined)
    throw new PlainError('What should it show? Try: safelight generate "a red fox in snow"', EXIT.usage)
  if (more.length > 0) throw new PlainError(`Put the prompt in quotes: "${line.words.join(' ')}"`, EXIT.usage)
  return prompt
}

async function make(studio: Studio, line: CommandLine, prompt: string): Promise<number> {
  const images = await uploadAll(studio, line.options['image'])
  const handle = await studio.submit(requestOf(line, prompt, images))
  const canceled = await follow(handle)
  if (canceled) {
    if (line.options['json']) printJson({ job: handle.id, error: { code: 'canceled', message: 'Canceled.' } })
    process.stderr.write('Canceled.\n')
    return EXIT.canceled
  }
  const job = await handle.result()
  const saved = await saveMedia(job, textOption(line, 'out'))
  if (line.options['json']) printJson(report(job, saved))
  else for (const { path } of saved) process.stdout.write(`${path}\n`)
  return EXIT.done
}

/** Only what was given: the model fills in the rest, and refuses what it lacks. */
function requestOf(line: CommandLine, prompt: string, images: string[]): JobRequest {
  const input = {
    prompt,
    size: textOption(line, 'size'),
    duration: wholeOption(line, 'duration'),
    style: textOption(line, 'style'),
    seed: textOption(line, 'seed'),
    count: wholeOption(line, 'count'),
    images: images.length > 0 ? images : undefined,
  }
  const given = Object.fromEntries(Object.entries(input).filter(([, value]) => value !== undefined))
  return { model: modelOf(line), input: given as JobRequest['input'] }
}

async function uploadAll(studio: Studio, paths: CommandLine['options'][string]): Promise<string[]> {
  const ids: string[] = []
  for (const path of Array.isArray(paths) ? paths : []) {
    const bytes = await readFile(String(path)).catch((cause: unknown) => {
      throw new PlainError(`The image ${path} cannot be read.`, EXIT.failed, { cause })
    })
    ids.push((await studio.upload({ source: bytes, maxBytes: INPUT_MAX_BYTES })).id)
  }
  return ids
}

/** Shows the progress until the end; true when Ctrl-C canceled the job. A second Ctrl-C leaves at once. */
async function follow(handle: SubmittedJob): Promise<boolean> {
  const progress = createProgress(process.stderr)
  let isAsked = false
  const interrupt = (): void => {
    if (isAsked) process.exit(EXIT.canceled)
    isAsked = true
    // Too late to cancel: the job ends by itself in a moment.
    handle.cancel().catch((error: unknown) => progress.note(sentenceOf(error).text))
  }
  process.on('SIGINT', interrupt)
  try {
    let state = ''
    for await (const job of handle.events()) {
      progress.show(job)
      state = job.state
    }
    return state === 'canceled'
  } finally {
    process.off('SIGINT', interrupt)
    progress.end()
  }
}

function report(job: FinishedJob, saved: SavedFile[]): object {
  const { id, model, kind, input, price } = job
  return { job: id, model, kind, input, price, files: saved }
}

function failureOf(error: unknown): object {
  const { code } = error as { code?: unknown }
  return { code: typeof code === 'string' ? code : 'internal', message: sentenceOf(error).text }
}

function printJson(value: object): void {
  process.stdout.write(`${JSON.stringify(value, null, 2)}\n`)
}
