/** Where the files of a finished job go. */
import { mkdir, open, stat, writeFile } from 'node:fs/promises'
import { basename, dirname, extname, join, resolve } from 'node:path'
import type { FinishedJob, Picture } from '@safelight/core'

/** A name that is taken is counted up this far, then it is an error. */
const NAME_TRIES = 10_000
const NAME_MAX_CHARACTERS = 40
const EXTENSIONS: Record<string, string> = {
  'image/png': '.png',
  'image/jpeg': '.jpg',
  'image/webp': '.webp',
  'image/avif': '.avif',
  'image/gif': '.gif',
  'video/mp4': '.mp4',
  'video/webm': '.webm',
}

export interface SavedFile {
  path: string
  contentType: string
  width: number | null
  height: number | null
  durationSeconds: number | null
  bytes: number
}

/** `out` names a file (replaced if it is there) or a folder; without it, a new name is made from the prompt. */
export async function saveMedia(job: FinishedJob, out: string | undefined): Promise<SavedFile[]> {
  const saved: SavedFile[] = []
  const isFolder = out === undefined || /[/\\]$/.test(out) || (await isDirectory(out))
  for (const [index, picture] of job.media.entries()) {
    const { contentType, width, height, durationSeconds, bytes } = picture
    const path = isFolder
      ? await newFile(out ?? '.', job.input.prompt, EXTENSIONS[contentType] ?? '')
      : numbered(out, job.media.length > 1 ? index + 1 : null)
    await write(picture, path)
    tellOfOddName(path, contentType)
    saved.push({ path, contentType, width, height, durationSeconds, bytes })
  }
  return saved
}

async function write(picture: Picture, path: string): Promise<void> {
  await mkdir(dirname(resolve(path)), { recursive: true })
  await writeFile(path, await picture.stream())
}

/** The file is what it is, whatever it was asked to be called. */
function tellOfOddName(path: string, contentType: string): void {
  const asked = Object.entries(EXTENSIONS).find(([, extension]) => extension === extname(path).toLowerCase())
  if (asked && asked[0] !== contentType) process.stderr.write(`${path} holds ${contentType}, whatever its name says.\n`)
}

async function isDirectory(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory()
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false
    throw error
  }
}

/** Takes a free name by creating the file, so that two runs at once never share one. */
async function newFile(folder: string, prompt: string, extension: string): Promise<string> {
  await mkdir(folder, { recursive: true })
  const name = nameOf(prompt)
  for (let number = 1; number <= NAME_TRIES; number++) {
    const path = join(folder, `${name}${number === 1 ? '' : `-${number}`}${extension}`)
    try {
      await (await open(path, 'wx')).close()
      return path
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    }
  }
  throw new Error(`Every name from ${name}${extension} to ${name}-${NAME_TRIES}${extension} is taken.`)
}

/** `fox.png` is `fox-2.png` for the second of several. */
function numbered(path: string, number: number | null): string {
  if (number === null) return path
  const extension = extname(path)
  return join(dirname(path), `${basename(path, extension)}-${number}${extension}`)
}

function nameOf(prompt: string): string {
  const words = prompt.toLowerCase().replace(/[^\p{L}\p{N}]+/gu, '-')
  return words.slice(0, NAME_MAX_CHARACTERS).replace(/^-+|-+$/g, '') || 'picture'
}
