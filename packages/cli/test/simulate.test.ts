import { createServer } from 'node:net'
import { once } from 'node:events'
import { describe, expect, it, onTestFinished } from 'vitest'
import { emptyFolder, safelight } from './processes.ts'
import { startSimulators } from './simulated.ts'

describe('safelight simulate', () => {
  it('prints what to put into the environment, each line by itself, and stops in good order', async () => {
    const { env, child, ended } = await startSimulators()
    for (const [name, value] of Object.entries(env))
      expect([name, value]).toEqual([name, expect.stringMatching(/^(http:\/\/127\.0\.0\.1:\d+|(hf_)?anything)$/)])
    expect(Object.keys(env)).toEqual(
      expect.arrayContaining([
        'FAL_BASE_URL',
        'FAL_KEY',
        'WAVESPEED_BASE_URL',
        'HUGGINGFACE_HUB_URL',
        'OPENAI_API_KEY',
      ]),
    )
    child.kill('SIGINT')
    const { code, stdout } = await ended
    expect(code).toBe(0)
    expect(stdout.trimEnd().split('\n')).toEqual(Object.entries(env).map(([name, value]) => `${name}=${value}`))
  })

  it('is told over HTTP what goes wrong, and keeps books', async () => {
    const { env, script, accepted } = await startSimulators()
    const submit = () => {
      const headers = { Authorization: 'Key anything', 'Content-Type': 'application/json' }
      return fetch(`${env['FAL_BASE_URL']}/fal-ai/flux/dev`, { method: 'POST', headers, body: '{"prompt":"a fox"}' })
    }
    expect((await submit()).status).toBe(200)
    await script({ provider: 'fal', exhaust: 'anything' })
    expect((await submit()).status).toBe(403)
    expect(await accepted('fal')).toMatchObject([{ endpoint: 'fal-ai/flux/dev', paid: true }])
    await expect(script({ provider: 'nobody' })).rejects.toThrow('nobody')
  })

  it('lists what can go wrong at each vendor', async () => {
    const { code, stdout } = await safelight(['simulate', '--list'], { cwd: await emptyFolder() }).ended
    expect(code).toBe(0)
    expect(stdout).toMatch(/^fal +#sim:content_policy +content_policy +\S/m)
    for (const line of stdout.trimEnd().split('\n')) expect(line).toMatch(/^[a-z]+ +#sim:\w+ +\w+ +\S/)
  })

  it('refuses a port that is in use, and numbers that are none', async () => {
    const cwd = await emptyFolder()
    const other = createServer().listen(0, '127.0.0.1')
    onTestFinished(() => void other.close())
    await once(other, 'listening')
    const taken = String((other.address() as { port: number }).port)
    expect(await safelight(['simulate', '--port', taken], { cwd }).ended).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/^safelight: 127\.0\.0\.1:\d+ is in use by another program\.\n$/) as string,
    })
    for (const args of [['--port', '70000'], ['--seconds', 'soon'], ['--seconds', '-1'], ['now']])
      expect((await safelight(['simulate', ...args], { cwd }).ended).code).toBe(2)
  })
})
