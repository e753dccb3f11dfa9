import { connect } from 'node:net'
import { createStudio, memoryDatabase } from '@safelight/core'
import { describe, expect, test } from 'vitest'
import { readEvents } from '../../test/event-reader.ts'
import { createStage } from '../../test/stage.ts'
import { SECRET, sendBytes, serve } from '../../test/serve.ts'
import { readEnvironment } from './environment.ts'
import { startServer } from './start.ts'

describe('a start', () => {
  const start = (variables: Record<string, string>) =>
    startServer({
      studio: createStudio({ providers: [createStage().provider], database: memoryDatabase() }),
      environment: readEnvironment({ SAFELIGHT_SECRET: SECRET, ...variables }),
      log: () => undefined,
    })

  test('says where it listens', async () => {
    const running = await start({ PORT: '0' })
    expect(running.url).toBe(`http://localhost:${running.port}`)
    expect((await fetch(`${running.url}/healthz`)).status).toBe(200)
    await running.close()
    await running.closed
  })

  test('on a port in use is one sentence', async () => {
    await using taken = await serve()
    await expect(start({ PORT: String(taken.port) })).rejects.toThrow(
      `Port ${taken.port} is in use by another program; set PORT to a free one.`,
    )
  })

  test('on an address of another machine is one sentence', async () => {
    await expect(start({ PORT: '0', HOST: '192.0.2.1' })).rejects.toThrow(/^HOST must be an address of this machine/)
  })

  test('tells of every warning', async () => {
    const log: string[] = []
    const running = await startServer({
      studio: createStudio({ providers: [createStage().provider], database: memoryDatabase() }),
      environment: readEnvironment({ PORT: '0', SAFELIGHT_SECRET: SECRET, SAFELIGHT_PROT: '1' }),
      log: (_level, event) => void log.push(event),
    })
    await running.close()
    expect(log).toContain('SAFELIGHT_PROT is no setting of safelight and has no effect.')
  })
})

describe('an end', () => {
  test('lets answers under way arrive, ends streams, and takes no new connection', async () => {
    const server = await serve()
    const me = await server.signIn()
    server.stage.play('open', { status: 'running' })
    await me.submit('open')
    await using events = await readEvents(me, '/api/events')
    await events.next()
    const unused = connect(server.port, '127.0.0.1')
    await new Promise(resolve => unused.once('connect', resolve))
    const startedAt = performance.now()
    await Promise.all([server.close(), server.close()])
    expect(performance.now() - startedAt).toBeLessThan(1500)
    for (let event = await events.next(); event;) event = await events.next()
    await expect(fetch(`${server.url}/healthz`)).rejects.toThrow()
    await server.closed
    unused.destroy()
  })

  test('waits for a slow answer, but not for ever', async () => {
    const arrived = Promise.withResolvers<void>()
    const server = await serve({
      database: database => ({
        ...database,
        check() {
          arrived.resolve()
          return new Promise(() => undefined)
        },
      }),
    })
    const answer = server.nobody.get('/readyz').catch(() => 'cut off')
    await arrived.promise
    const startedAt = performance.now()
    await server.close()
    const seconds = (performance.now() - startedAt) / 1000
    expect(seconds).toBeGreaterThan(1.9)
    expect(seconds).toBeLessThan(4)
    expect(await answer).toBe('cut off')
    expect(server.log.some(({ event }) => event === 'not everything ended within the drain time')).toBe(true)
  })

  test('says so to whoever asks whether it is ready', async () => {
    const arrived = Promise.withResolvers<void>()
    const release = Promise.withResolvers<void>()
    const server = await serve({
      database: database => ({
        ...database,
        async check() {
          arrived.resolve()
          await release.promise
        },
      }),
    })
    const answer = server.nobody.get('/readyz')
    await arrived.promise
    const closing = server.close()
    release.resolve()
    const { status, body } = await answer
    expect([status, body.stopping]).toEqual([503, true])
    await closing
  })
})

describe('time', () => {
  test('for headers is limited', async () => {
    await using server = await serve({ times: { headersSeconds: 0.3, requestSeconds: 0.3 } })
    const answer = await sendBytes(server.port, 'GET /healthz HTTP/1.1\r\nHost: local')
    expect(answer).toMatch(/^HTTP\/1\.1 408 .*"code":"invalid_input"/s)
  })

  test('for a body is limited', async () => {
    await using server = await serve({ times: { headersSeconds: 0.3, requestSeconds: 0.3 } })
    const { accessToken } = await server.signIn()
    const head = `POST /api/jobs HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${accessToken}\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{"mod`
    await sendBytes(server.port, head).catch(() => 'cut off')
    expect((await server.nobody.get('/healthz')).status).toBe(200)
    expect(server.log.filter(({ level }) => level === 'error')).toEqual([])
  })

  test('in which nothing moves is limited', async () => {
    await using server = await serve({ times: { idleSeconds: 0.3 } })
    const me = await server.signIn()
    const answer = await sendBytes(
      server.port,
      `GET /api/events HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${me.accessToken}\r\n\r\n`,
    )
    expect(answer).toMatch(/^HTTP\/1\.1 200 /)
  })
})

describe('a body that never ends', () => {
  test.each([
    ['/api/jobs', 'application/json'],
    ['/auth/local', 'application/json'],
    ['/api/uploads', 'multipart/form-data; boundary=b'],
  ])('%s answers 413 or 400 and hangs up', async (path, type) => {
    await using server = await serve()
    const { accessToken } = await server.signIn()
    const socket = connect(server.port, '127.0.0.1')
    let answer = ''
    socket.setEncoding('latin1')
    socket.on('data', chunk => (answer += chunk))
    const closed = new Promise<void>(resolve => socket.once('close', () => resolve()))
    socket.on('error', () => undefined)
    socket.write(
      `POST ${path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${accessToken}\r\nContent-Type: ${type}\r\nTransfer-Encoding: chunked\r\n\r\n`,
    )
    const chunk = `10000\r\n${'x'.repeat(0x10000)}\r\n`
    const pour = () => {
      while (!socket.destroyed && socket.write(chunk));
    }
    socket.on('drain', pour)
    pour()
    await closed
    expect(answer).toMatch(/^HTTP\/1\.1 4(13|00) [^]*Connection: close/i)
    expect((await server.nobody.get('/healthz')).status).toBe(200)
  })
})
