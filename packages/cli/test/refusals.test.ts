/** What cannot work ends with one plain sentence, before anything is lost. */
import { writeFile } from 'node:fs/promises'
import { createServer, type AddressInfo } from 'node:net'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { freePort } from '../dev/free-port.ts'
import { emptyFolder, folderWithDatabase, safelight, startServer } from './processes.ts'
import { signIn } from './person.ts'

const SECRET = 'a-secret-of-at-least-32-characters-'
/** One line and nothing else: no stack, no log. */
const oneSentence = (words: RegExp) => ({
  code: 1,
  stdout: '',
  stderr: expect.stringMatching(new RegExp(`^safelight: .*${words.source}.*\n$`)) as string,
})

async function start(env: NodeJS.ProcessEnv, cwd?: string) {
  const place = cwd ?? (await emptyFolder())
  return safelight(['start', '--no-page'], { cwd: place, env: { PORT: String(await freePort()), ...env } }).ended
}

describe('safelight start refuses', () => {
  it('a port that is in use', async () => {
    const other = createServer().listen(0, '127.0.0.1')
    onTestFinished(() => void other.close())
    await new Promise(resolve => other.once('listening', resolve))
    const { port } = other.address() as AddressInfo
    const cwd = await folderWithDatabase()
    expect(await start({ PORT: String(port) }, cwd)).toMatchObject(oneSentence(/Port \d+ is in use/))
    // And lets go of the database.
    await startServer({ cwd })
  })

  it('a data directory that another server uses, which goes on undisturbed', async () => {
    const cwd = await folderWithDatabase()
    const { url, child } = await startServer({ cwd })
    expect(await start({}, cwd)).toMatchObject(oneSentence(new RegExp(`in use by process ${child.pid}`)))
    expect(await (await signIn(url)).balance()).toBe(3000)
  })

  it('a data directory that is a file, or lies below one', async () => {
    const file = join(await emptyFolder(), 'file')
    await writeFile(file, '')
    expect(await start({ SAFELIGHT_DATA_DIR: file })).toMatchObject(
      oneSentence(/file exists already and is not a directory/),
    )
    expect(await start({ SAFELIGHT_DATA_DIR: join(file, 'below') })).toMatchObject(
      oneSentence(/below\S* cannot be a directory/),
    )
  })

  it('a variable with a bad value, without repeating it', async () => {
    const ended = await start({ PORT: 'many' })
    expect(ended).toMatchObject(oneSentence(/PORT must be/))
    expect(ended.stderr).not.toContain('many')
  })

  it('a database that does not answer, without repeating its password', async () => {
    const url = `postgres://someone:hushhush@127.0.0.1:${await freePort()}/db`
    const ended = await start({ DATABASE_URL: url, SAFELIGHT_SECRET: SECRET })
    expect(ended).toMatchObject(oneSentence(/Nothing answers at 127\.0\.0\.1:\d+/))
    expect(ended.stderr).not.toContain('hushhush')
  })

  it('words and options it does not know', async () => {
    const cwd = await emptyFolder()
    expect(await safelight(['start', 'now'], { cwd }).ended).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('"now"') as string,
    })
    expect(await safelight(['start', '--prot', '1'], { cwd }).ended).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("Unknown option '--prot'. See safelight start --help.") as string,
    })
  })
})
