import { createServer, request, type IncomingMessage, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, expect, it } from 'vitest'
import { forward } from './forward.ts'

const open: Server[] = []
afterEach(() => {
  for (const server of open.splice(0)) {
    server.closeAllConnections()
    server.close()
  }
})

async function listen(listener: RequestListener): Promise<{ server: Server; port: number }> {
  const server = createServer(listener)
  open.push(server)
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  return { server, port: (server.address() as AddressInfo).port }
}

const front = (behind: { port: number; ready?: () => Promise<boolean> }): ReturnType<typeof listen> =>
  listen((incoming, response) => void forward(incoming, response, { ready: async () => true, ...behind }))

async function textOf(message: IncomingMessage): Promise<string> {
  let text = ''
  for await (const chunk of message) text += String(chunk)
  return text
}

it('hands on the method, path, host and body, and adds no header that tells of it', async () => {
  let seen: IncomingMessage['headers'] = {}
  const { port } = await listen((incoming, response) => {
    seen = incoming.headers
    response.setHeader('Set-Cookie', ['a=1', 'b=2'])
    response.write(`${incoming.method} ${incoming.url} `)
    incoming.pipe(response)
  })
  const { port: at } = await front({ port })
  const answer = await new Promise<IncomingMessage>(resolve => {
    const sent = request(
      { port: at, method: 'POST', path: '/api/jobs?a=b', headers: { Host: 'localhost:5000' } },
      resolve,
    )
    sent.end('{"a":1}')
  })
  expect(await textOf(answer)).toBe('POST /api/jobs?a=b {"a":1}')
  expect(answer.headers['set-cookie']).toEqual(['a=1', 'b=2'])
  expect(seen.host).toBe('localhost:5000')
  expect(Object.keys(seen).filter(name => /forward|via|real-ip/.test(name))).toEqual([])
})

it('passes on each event of a stream as it comes', async () => {
  let finish = (): void => undefined
  const { port } = await listen((_incoming, response) => {
    response.writeHead(200, { 'Content-Type': 'text/event-stream' })
    response.write('data: 1\n\n')
    finish = () => response.end('data: 2\n\n')
  })
  const { port: at } = await front({ port })
  const reader = (await fetch(`http://127.0.0.1:${at}/api/events`)).body!.getReader()
  const read = async (): Promise<string> => new TextDecoder().decode((await reader.read()).value)
  expect(await read()).toBe('data: 1\n\n')
  finish()
  expect(await read()).toBe('data: 2\n\n')
})

it('waits for the server to be back, and then asks', async () => {
  const { port } = await listen((_incoming, response) => response.end('back'))
  const back = Promise.withResolvers<boolean>()
  const { port: at } = await front({ port, ready: () => back.promise })
  const asked = fetch(`http://127.0.0.1:${at}/api/models`)
  back.resolve(true)
  expect(await (await asked).text()).toBe('back')
})

it('asks again when the server goes down under a request that carries nothing', async () => {
  let times = 0
  const { port } = await listen((incoming, response) => (++times === 1 ? incoming.destroy() : response.end('second')))
  const { port: at } = await front({ port })
  expect(await (await fetch(`http://127.0.0.1:${at}/api/models`)).text()).toBe('second')
})

it('never sends a request with a body twice', async () => {
  let times = 0
  const { port } = await listen(incoming => {
    times++
    incoming.destroy()
  })
  const { port: at } = await front({ port })
  const answer = await fetch(`http://127.0.0.1:${at}/api/jobs`, { method: 'POST', body: '{}' })
  expect([answer.status, times]).toEqual([503, 1])
  expect(await answer.json()).toMatchObject({ status: 503 })
})

it('breaks off an answer that the server did not finish', async () => {
  const { port } = await listen((_incoming, response) => {
    response.writeHead(200)
    response.write('half', () => response.destroy())
  })
  const { port: at } = await front({ port })
  const answer = await fetch(`http://127.0.0.1:${at}/api/events`)
  await expect(answer.text()).rejects.toThrow()
})
