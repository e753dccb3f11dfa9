import { describe, expect, test } from 'vitest'
import { SECRET } from '../../test/serve.ts'
import { createSessions } from '../auth/sessions.ts'
import { createCursors } from './cursors.ts'
import { createReferences } from './references.ts'

const OTHER = 'another secret of a test, long enough too'
const referent = { jobId: '0190d1e0-1111-7000-8000-000000000001', attemptId: '0190d1e0-2222-7fff-bfff-ffffffffffff' }
const references = createReferences([SECRET])
const sealed = references.seal(referent)

test('says which job and attempt, in one word that is safe in a path', () => {
  expect(sealed).toMatch(/^[\w-]{64}$/)
  expect(references.open(sealed)).toEqual(referent)
  expect(references.seal(referent)).toBe(sealed)
  expect(references.seal({ jobId: referent.jobId.toUpperCase(), attemptId: referent.attemptId })).toBe(sealed)
})

test('the secret before still opens, and no longer seals', () => {
  const rotated = createReferences([OTHER, SECRET])
  expect(rotated.open(sealed)).toEqual(referent)
  expect(rotated.seal(referent)).not.toBe(sealed)
  expect(createReferences([OTHER]).open(sealed)).toBeNull()
})

describe('is nothing once it is changed', () => {
  test('in any one character', () => {
    for (const [index, character] of [...sealed].entries()) {
      const changed = sealed.slice(0, index) + (character === 'A' ? 'B' : 'A') + sealed.slice(index + 1)
      expect(references.open(changed)).toBeNull()
    }
  })

  test.each([
    ['nothing', ''],
    ['cut', sealed.slice(0, 63)],
    ['longer', `${sealed}A`],
    ['padded', `${sealed}=`],
    ['with a line behind it', `${sealed}\n`],
    ['in the other alphabet', '+'.repeat(64)],
    ['zeros', 'A'.repeat(64)],
    ['of full width', 'Ａ'.repeat(64)],
    ['huge', 'A'.repeat(100_000)],
  ])('%s', (_what, word) => {
    expect(references.open(word)).toBeNull()
  })

  test('in its ids swapped', () => {
    const bytes = Buffer.from(sealed, 'base64url')
    const swapped = Buffer.concat([bytes.subarray(16, 32), bytes.subarray(0, 16), bytes.subarray(32)])
    expect(references.open(swapped.toString('base64url'))).toBeNull()
  })
})

test('nothing else that the secret signs is one', async () => {
  const { accessToken } = await createSessions([SECRET], 60).issue(referent.jobId)
  const cursor = (await createCursors([SECRET]).seal({ userId: referent.jobId, list: 'jobs' }, 'a cursor')) ?? ''
  for (const word of [accessToken, ...accessToken.split('.'), cursor, ...cursor.split('.')])
    expect(references.open(word)).toBeNull()
})

test('names UUIDs and nothing else', () => {
  expect(() => references.seal({ jobId: 'job-1', attemptId: referent.attemptId })).toThrow('UUIDs')
})
