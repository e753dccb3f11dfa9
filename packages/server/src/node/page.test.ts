import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { sendRaw, serve, type TestServer } from '../../test/serve.ts'

let parent: string
let server: TestServer
beforeAll(async () => {
  parent = await mkdtemp(join(tmpdir(), 'safelight-page-'))
  const page = join(parent, 'page')
  await mkdir(join(page, 'assets'), { recursive: true })
  await writeFile(join(page, 'index.html'), '<!doctype html><title>page</title>')
  await writeFile(join(page, 'assets', 'app-3f2a.js'), 'console.log(1)')
  await writeFile(join(page, 'icon.svg'), '<svg xmlns="http://www.w3.org/2000/svg"/>')
  await writeFile(join(page, '.inputs'), 'hidden')
  await writeFile(join(parent, 'outside.txt'), 'outside')
  await symlink(join(parent, 'outside.txt'), join(page, 'link.txt'))
  server = await serve({ page })
})
afterAll(async () => {
  await server.close()
  await rm(parent, { recursive: true, force: true })
})

const html = { Accept: 'text/html,*/*' }

test('the page is at / and at whatever address it gives its views', async () => {
  for (const path of ['/', '/gallery', '/account', '/jobs/123', '/?a=b']) {
    const { status, body, headers } = await server.nobody.get(path, html)
    expect([status, body]).toEqual([200, '<!doctype html><title>page</title>'])
    expect(headers.get('Content-Type')).toBe('text/html; charset=utf-8')
    expect(headers.get('Cache-Control')).toBe('no-cache')
  }
  expect((await server.nobody.get('/')).status).toBe(200)
})

test('may run only what it was built with, and stands in nobody’s frame', async () => {
  const { headers } = await server.nobody.get('/', html)
  const policy = headers.get('Content-Security-Policy')
  expect(policy).toContain("default-src 'none'")
  expect(policy).toContain("script-src 'self'")
  expect(policy).toContain("frame-ancestors 'none'")
  expect(policy).not.toMatch(/unsafe|\*/)
  expect(headers.get('X-Frame-Options')).toBe('DENY')
  expect(headers.get('X-Content-Type-Options')).toBe('nosniff')
})

test('assets are kept for good, the rest is asked for again', async () => {
  const asset = await server.nobody.get('/assets/app-3f2a.js')
  expect(asset.headers.get('Content-Type')).toBe('text/javascript; charset=utf-8')
  expect(asset.headers.get('Cache-Control')).toBe('public, max-age=31536000, immutable')
  const icon = await server.nobody.get('/icon.svg')
  expect(icon.headers.get('Content-Type')).toBe('image/svg+xml')
  const again = await server.nobody.get('/icon.svg', { 'If-None-Match': icon.headers.get('ETag')! })
  expect(again.status).toBe(304)
  const head = await server.nobody.fetch('/icon.svg', { method: 'HEAD' })
  expect([head.status, head.headers.get('Content-Length')]).toEqual([200, '41'])
})

test.each([
  '/assets/app-0000.js',
  '/assets/',
  '/assets',
  '/missing.png',
  '/.inputs',
  '/%2einputs',
  '/link.txt',
  '/../outside.txt',
  '/..%2foutside.txt',
  '/%2e%2e/outside.txt',
  '/..%5coutside.txt',
  '/assets/../../outside.txt',
  '/assets/%2e%2e/%2e%2e/outside.txt',
  '/index.html%00.png',
  '/%ff',
  '/con:',
  '//outside.txt',
  '/etc/passwd.txt',
])('%s is not handed out', async path => {
  const { status, body } = await sendRaw(server.port, { path, headers: { Host: 'localhost' } })
  expect([400, 404]).toContain(status)
  expect(JSON.stringify(body)).not.toMatch(/outside\b.*outside|hidden|root:/)
})

test('addresses of the API stay problems, whatever the browser would rather have', async () => {
  for (const path of ['/api/nothing', '/auth/nothing', '/v1/models', '/webhooks/a/b', '/s/code', '/metrics']) {
    const { status, body } = await server.nobody.get(path, html)
    expect([status, body.code]).toEqual([404, 'not_found'])
  }
  expect((await server.nobody.post('/gallery', {}, html)).status).toBe(404)
  expect((await server.nobody.get('/nonsense')).status).toBe(404)
})

test('a page that is not there is no reason to stop', async () => {
  await using without = await serve({ page: join(parent, 'nowhere') })
  expect((await without.nobody.get('/healthz')).status).toBe(200)
  expect((await without.nobody.get('/', html)).status).toBe(404)
})
