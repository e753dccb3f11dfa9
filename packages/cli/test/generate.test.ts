import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { probe } from '@safelight/media'
import { describe, expect, it } from 'vitest'
import { emptyFolder, safelight } from './processes.ts'

// At once: most of the time they wait for a picture to come.
describe.concurrent('safelight generate', () => {
  it('writes a picture of the asked size under a name made from the prompt, and never over another', async () => {
    const cwd = await emptyFolder()
    const args = ['generate', 'A red fox, in snow!', '--size', 'portrait', '--seed', '7']
    expect(await safelight(args, { cwd }).ended).toMatchObject({ code: 0, stdout: 'a-red-fox-in-snow.png\n' })
    expect(await safelight(args, { cwd }).ended).toMatchObject({ code: 0, stdout: 'a-red-fox-in-snow-2.png\n' })
    const [first, second] = await Promise.all(['', '-2'].map(n => readFile(join(cwd, `a-red-fox-in-snow${n}.png`))))
    expect(await probe(first!)).toMatchObject({ contentType: 'image/png', width: 768, height: 1152 })
    expect(second?.equals(first!)).toBe(true)
  })

  it('says how far it is on standard error, and the names alone on standard output', async () => {
    const cwd = await emptyFolder()
    const { stdout, stderr } = await safelight(['generate', 'waves', '--out', 'a/b.png'], { cwd }).ended
    expect(stdout).toBe('a/b.png\n')
    expect(stderr).toMatch(/^queued\n(.*\n)*succeeded\n$/)
    expect(await readdir(join(cwd, 'a'))).toEqual(['b.png'])
  })

  it('writes a clip, and describes it as JSON', async () => {
    const cwd = await emptyFolder()
    const args = [
      'generate',
      'waves',
      '--model',
      'demo-video',
      '--duration',
      '3',
      '--style',
      'express',
      '--out',
      'clips/',
      '--json',
    ]
    const { code, stdout } = await safelight(args, { cwd }).ended
    expect(code).toBe(0)
    const answer = JSON.parse(stdout) as { files: { path: string; contentType: string }[] }
    expect(answer).toMatchObject({ model: 'demo-video', price: 2000, input: { duration: 3, style: 'express' } })
    const [file] = answer.files
    expect(await probe(await readFile(join(cwd, file!.path)))).toMatchObject({
      contentType: file!.contentType,
      durationSeconds: 3,
    })
  })

  it('starts from a picture', async () => {
    const cwd = await emptyFolder()
    await safelight(['generate', 'a fox', '--out', 'fox.png'], { cwd }).ended
    const { code, stdout } = await safelight(
      ['generate', 'make it night', '--model', 'demo-edit', '--image', 'fox.png'],
      { cwd },
    ).ended
    expect(code).toBe(0)
    const edited = await readFile(join(cwd, stdout.trim()))
    expect(edited.equals(await readFile(join(cwd, 'fox.png')))).toBe(false)
    expect(await probe(edited)).toMatchObject({ width: 1024, height: 1024 })
  })

  it('cancels on Ctrl-C and writes nothing', async () => {
    const cwd = await emptyFolder()
    const running = safelight(['generate', 'waves #seconds=20'], { cwd })
    await running.until(/running|drawing|developing/)
    running.child.kill('SIGINT')
    expect(await running.ended).toMatchObject({
      code: 130,
      stdout: '',
      stderr: expect.stringContaining('Canceled.') as string,
    })
    expect(await readdir(cwd)).toEqual([])
  })

  it.each([
    ['a failure of the provider', ['a #fail'], 1, /could not finish/],
    ['no prompt', [], 2, /What should it show/],
    ['a prompt without quotes', ['a', 'fox'], 2, /"a fox"/],
    ['an empty prompt', [''], 2, /The prompt /],
    ['an unknown model', ['a', '--model', 'nope'], 1, /"nope".*demo-image/],
    ['a size that is none', ['a', '--size', 'huge'], 2, /--size .*portrait, square, landscape/],
    ['an option the model lacks', ['a', '--duration', '3'], 2, /--duration .*demo-image/],
    ['a count that is none', ['a', '--count', 'two'], 2, /--count takes a whole number/],
    ['an image that is not there', ['a', '--model', 'demo-edit', '--image', 'no.png'], 1, /no\.png cannot be read/],
  ])('refuses or reports %s in one sentence', async (_what, args, code, words) => {
    const cwd = await emptyFolder()
    const ended = await safelight(['generate', ...args], { cwd }).ended
    expect(ended).toMatchObject({ code, stdout: '' })
    expect(ended.stderr.trimEnd().split('\n').at(-1)).toMatch(words)
    expect(await readdir(cwd)).toEqual([])
  })

  it('reports a failure as JSON when asked to', async () => {
    const { code, stdout } = await safelight(['generate', 'a #fail', '--json'], { cwd: await emptyFolder() }).ended
    expect(code).toBe(1)
    expect(JSON.parse(stdout)).toMatchObject({ error: { code: 'provider_failed' } })
  })
})
