import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, onTestFinished, test } from 'vitest'
import { picture } from '../test/samples.ts'
import { files } from './files.ts'

test('a process killed while it writes leaves nothing to see, and nothing at all once the store is opened again', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'safelight-kill-'))
  onTestFinished(() => rm(directory, { recursive: true, force: true }))
  const script = fileURLToPath(new URL('../test/save-and-hang.ts', import.meta.url))
  const child = spawn(process.execPath, ['--conditions=@safelight/source', script, directory], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  await once(child.stdout, 'data')

  const store = files(directory)
  expect(await store.find('')).toEqual([])
  await expect(store.open('job/attempt/0')).rejects.toMatchObject({ code: 'not_found' })
  expect(await readdir(join(directory, '.partial'))).toHaveLength(1)

  child.kill('SIGKILL')
  await once(child, 'exit')
  const reopened = files(directory)
  expect(await reopened.find('')).toEqual([])
  expect(await readdir(join(directory, '.partial'))).toEqual([])

  const bytes = await picture('png', 5, 5)
  await reopened.save('job/attempt/0', new Blob([Buffer.from(bytes)]).stream(), { maxBytes: 10_000 })
  expect(await reopened.find('job/')).toHaveLength(1)
})
