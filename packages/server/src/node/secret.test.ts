import { chmod, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { loadOrMakeSecret } from './secret.ts'

let directory: string
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'safelight-secret-'))
})
afterEach(() => rm(directory, { recursive: true, force: true }))

test('is made once, for its owner alone', async () => {
  const data = join(directory, 'deep', 'data')
  const secret = await loadOrMakeSecret(data)
  expect(secret).toMatch(/^[\w-]{43}$/)
  expect(await loadOrMakeSecret(data)).toBe(secret)
  expect((await stat(join(data, 'secret'))).mode & 0o777).toBe(0o600)
  expect((await stat(data)).mode & 0o777).toBe(0o700)
  expect(await readdir(data)).toEqual(['secret'])
})

test('of many that start at once is the same for all', async () => {
  const secrets = await Promise.all(Array.from({ length: 20 }, () => loadOrMakeSecret(directory)))
  expect(new Set(secrets).size).toBe(1)
  expect(await readdir(directory)).toEqual(['secret'])
})

test('that others could read is closed again', async () => {
  const secret = await loadOrMakeSecret(directory)
  await chmod(join(directory, 'secret'), 0o644)
  expect(await loadOrMakeSecret(directory)).toBe(secret)
  expect((await stat(join(directory, 'secret'))).mode & 0o777).toBe(0o600)
})

test('that is damaged is not replaced in silence', async () => {
  await writeFile(join(directory, 'secret'), 'short')
  await expect(loadOrMakeSecret(directory)).rejects.toThrow(
    /^The file "secret" in the data directory is damaged; delete it/,
  )
  expect(await readFile(join(directory, 'secret'), 'utf8')).toBe('short')
})

test('where nothing can be written is one sentence', async () => {
  const file = join(directory, 'file')
  await writeFile(file, '')
  const sentence = /^The data directory cannot be used \(\w+\); set SAFELIGHT_DATA_DIR to one that can be written\.$/
  await expect(loadOrMakeSecret(file)).rejects.toThrow(sentence)
  await expect(loadOrMakeSecret(join(file, 'below'))).rejects.toThrow(sentence)
  await expect(loadOrMakeSecret('/proc/safelight/deep')).rejects.toThrow(sentence)
})
