/** `safelight generate`: one job, made right here, without a server, an account or a key. */
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
  help: `Makes a picture or a clip right here: no server, no account, no key.

Usage: safelight generate "<prompt>" [options]

  --model <id>        demo-image, demo-edit or demo-video (default ${DEFAULT_MODEL})
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
  safelight generate "waves" --model demo-video --duration 3 --style lovely`,
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
    // Not narrowed to the models' names: any may stand on the command line, and the engine says which there are.
    const providers: StudioOptions['providers'] = [demo()]
    const studio: Studio = createStudio({ providers, media: files(directory) })
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
  return { model: textOption(line, 'model') ?? DEFAULT_MODEL, input: given as JobRequest['input'] }
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
