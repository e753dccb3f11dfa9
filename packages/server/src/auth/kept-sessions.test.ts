import { EncryptJWT } from 'jose'
import { describe, expect, test } from 'vitest'
import { createKeptSessions } from './kept-sessions.ts'
import { deriveKey } from './secrets.ts'
import type { RefreshAnswer, SignInSession } from './sign-in.ts'

const SECRET = 'a secret of a test, long enough to be one'
const HOUR = 3_600_000
const session = (change: Partial<SignInSession> = {}): SignInSession => ({
  userId: 'person',
  accessToken: 'access-1',
  refreshToken: 'refresh-1',
  expiresAt: Date.now() + HOUR,
  ...change,
})
const soon = () => session({ expiresAt: Date.now() + 30_000 })
const past = () => session({ expiresAt: Date.now() - 1 })
const next = (): RefreshAnswer => ({
  status: 'signed_in',
  session: session({ accessToken: 'access-2', refreshToken: 'refresh-2' }),
})

function kept(refresh: (token: string) => RefreshAnswer = next, secrets = [SECRET], seconds = 60) {
  const asked: string[] = []
  const ended: string[] = []
  const sessions = createKeptSessions(
    secrets,
    {
      async refresh(token) {
        asked.push(token)
        return refresh(token)
      },
      async end(token) {
        ended.push(token)
      },
    },
    seconds,
  )
  return { ...sessions, asked, ended }
}

describe('a kept session', () => {
  test('says whose it is, and shows no token to whoever holds it', async () => {
    const sessions = kept()
    const value = await sessions.seal(session())
    expect(await sessions.open(value)).toEqual({ status: 'valid', user: { id: 'person' } })
    expect(sessions.asked).toEqual([])
    for (const part of value.split('.')) {
      const text = Buffer.from(part, 'base64url').toString('latin1')
      for (const secret of ['refresh-1', 'access-1', 'person']) expect(text).not.toContain(secret)
    }
  })

  test('is refused when a bit of it is another', async () => {
    const sessions = kept()
    const value = await sessions.seal(session())
    const parts = value.split('.')
    const others = ['', 'a', '....', value.slice(0, -4), `${value}x`, 'x'.repeat(5000), `${value}${'.'.repeat(5000)}`]
    for (const index of [2, 3, 4]) {
      const bytes = Buffer.from(parts[index]!, 'base64url')
      bytes[0]! ^= 1
      others.push(parts.map((part, at) => (at === index ? bytes.toString('base64url') : part)).join('.'))
    }
    for (const other of others) expect([other, await sessions.open(other)]).toEqual([other, { status: 'invalid' }])
  })

  test('is sealed with nothing but our secret, for this purpose', async () => {
    const seal = async (key: Uint8Array, claims: object = { refreshToken: 'r', expiresAt: Date.now() + HOUR }) =>
      new EncryptJWT({ ...claims })
        .setProtectedHeader({ alg: 'dir', enc: 'A256GCM' })
        .setSubject('person')
        .setExpirationTime('1h')
        .encrypt(key)
    const ours = await deriveKey(SECRET, 'sign-in sessions')
    expect((await kept().open(await seal(ours))).status).toBe('valid')
    const others = [
      await seal(await deriveKey(SECRET, 'sessions')),
      await seal(await deriveKey('another secret, long enough to be one', 'sign-in sessions')),
      await seal(ours, { refreshToken: 'r' }),
      await seal(ours, { refreshToken: 7, expiresAt: 7 }),
    ]
    for (const other of others) expect(await kept().open(other)).toEqual({ status: 'invalid' })
  })

  test('outlives a change of the secret, and no longer than it may', async () => {
    const value = await kept().seal(session())
    const after = kept(next, ['the next secret, which is long enough too', SECRET])
    expect((await after.open(value)).status).toBe('valid')
    const over = await kept(next, [SECRET], -1).seal(session())
    expect(await kept().open(over)).toEqual({ status: 'invalid' })
  })
})

describe('before it runs out', () => {
  test.each([soon, past])('it is refreshed once, however many come with it', async make => {
    const sessions = kept()
    const value = await sessions.seal(make())
    const opened = await Promise.all(Array.from({ length: 20 }, () => sessions.open(value)))
    expect(sessions.asked).toEqual(['refresh-1'])
    for (const each of opened) {
      expect(each).toEqual({ status: 'valid', user: { id: 'person' }, renewed: expect.any(String) })
      const renewed = await sessions.open((each as { renewed: string }).renewed)
      expect(renewed).toEqual({ status: 'valid', user: { id: 'person' } })
    }
    expect((await sessions.open(value)).status).toBe('valid')
    expect(sessions.asked).toEqual(['refresh-1'])
  })

  test('and nobody answers, it is good for as long as somebody vouched', async () => {
    let isDown = true
    const sessions = kept(() => (isDown ? { status: 'unavailable' } : next()))
    expect(await sessions.open(await sessions.seal(soon()))).toEqual({ status: 'valid', user: { id: 'person' } })
    const value = await sessions.seal(past())
    expect(await sessions.open(value)).toEqual({ status: 'unavailable' })
    isDown = false
    expect((await sessions.open(value)).status).toBe('valid')
  })

  test('the sign-in may end it, or name somebody else', async () => {
    const ended = kept(() => ({ status: 'ended' }))
    expect(await ended.open(await ended.seal(soon()))).toEqual({ status: 'expired' })
    const other = kept(() => ({ status: 'signed_in', session: session({ userId: 'another' }) }))
    expect(await other.open(await other.seal(soon()))).toEqual({ status: 'expired' })
  })
})

test('ending it ends it at the sign-in, with a token that is still good', async () => {
  const sessions = kept()
  await sessions.end(await sessions.seal(session()))
  expect(sessions.ended).toEqual(['access-2'])
  const over = kept(() => ({ status: 'ended' }))
  await over.end(await over.seal(session()))
  await over.end('nonsense')
  expect(over.ended).toEqual([])
})
