import { describe, expect, test } from 'vitest'
import { readEnvironment, readProviderVariables } from './environment.ts'
import { isLoopbackUrl } from './provider-variables.ts'

const token = (provider: string, label: string, secret: string, more: object = {}) => {
  return { provider, label, secret, account: label, draining: false, maxOpen: null, ...more }
}

test('keys are numbered, grouped and drained', () => {
  const variables = {
    FAL_KEY: 'one',
    FAL_KEY_2: 'two',
    FAL_KEY_2_ACCOUNT: 'team',
    FAL_KEY_3: 'three',
    FAL_KEY_3_DRAIN: '1',
    OPENAI_API_KEY: 'four',
    OPENAI_BASE_URL: 'http://127.0.0.1:9000/v1',
  }
  const expected = {
    tokens: [
      token('fal', 'FAL_KEY', 'one'),
      token('fal', 'FAL_KEY_2', 'two', { account: 'team' }),
      token('fal', 'FAL_KEY_3', 'three', { draining: true }),
      token('openai', 'OPENAI_API_KEY', 'four'),
    ],
    baseUrls: { OPENAI_BASE_URL: 'http://127.0.0.1:9000/v1' },
    warnings: [],
  }
  expect(readProviderVariables(variables)).toEqual(expected)
  expect(readEnvironment(variables)).toMatchObject(expected)
})

test.each([
  ['WAVESPEED_API_TOKEN', 'wavespeed'],
  ['HUGGINGFACE_API_TOKEN', 'huggingface'],
  ['FAL_KEY', 'fal'],
  ['REPLICATE_API_TOKEN', 'replicate'],
  ['OPENAI_API_KEY', 'openai'],
  ['GEMINI_API_KEY', 'google'],
  ['BFL_API_KEY', 'bfl'],
  ['RUNWAYML_API_SECRET', 'runway'],
])('%s is a key of %s', (name, provider) => {
  const { tokens } = readProviderVariables({ [name]: 'one', [`${name}_50`]: 'fifty' })
  expect(tokens).toEqual([token(provider, name, 'one'), token(provider, `${name}_50`, 'fifty')])
})

describe('fal', () => {
  test('calls its key by two names, which are one', () => {
    const variables = { FAL_API_KEY: 'one', FAL_API_KEY_2: 'two', FAL_API_KEY_2_ACCOUNT: 'team', FAL_KEY_2_DRAIN: '1' }
    expect(readProviderVariables(variables)).toMatchObject({
      tokens: [token('fal', 'FAL_KEY', 'one'), token('fal', 'FAL_KEY_2', 'two', { account: 'team', draining: true })],
      warnings: [],
    })
    const { tokens, warnings } = readProviderVariables({ FAL_KEY: 'one', FAL_API_KEY: 'sentinel' })
    expect(tokens).toEqual([token('fal', 'FAL_KEY', 'one')])
    expect(warnings).toEqual(['FAL_API_KEY has no effect, because FAL_KEY is set.'])
  })

  test('may show it in two halves', () => {
    const halves = { FAL_KEY_ID: 'id', FAL_KEY_SECRET: 'secret' }
    expect(readProviderVariables(halves).tokens).toEqual([token('fal', 'FAL_KEY', 'id:secret')])
    expect(readProviderVariables({ ...halves, FAL_KEY: 'whole' }).tokens).toEqual([token('fal', 'FAL_KEY', 'whole')])
    for (const half of [{ FAL_KEY_ID: 'sentinel' }, { FAL_KEY_SECRET: 'sentinel' }])
      expect(() => readProviderVariables(half)).toThrow(/^FAL_KEY_ID and FAL_KEY_SECRET must be set together\.$/)
  })
})

describe('warns', () => {
  test.each([
    [
      'of an origin without a key',
      { FAL_REST_URL: 'https://rest.fal.ai' },
      'FAL_REST_URL has no effect without FAL_KEY.',
    ],
    [
      'of an origin that a key would go to unencrypted',
      { OPENAI_API_KEY: 'k', OPENAI_BASE_URL: 'http://proxy.example' },
      'OPENAI_BASE_URL is no https address, so the key goes there unencrypted.',
    ],
    [
      'of a number that is none of ours',
      { BFL_API_KEY: 'k', BFL_API_KEY_1: 'sentinel' },
      'BFL_API_KEY_1 has no effect: keys are numbered from _2 to _50.',
    ],
    [
      'of a number beyond the last',
      { BFL_API_KEY_51: 'sentinel' },
      'BFL_API_KEY_51 has no effect: keys are numbered from _2 to _50.',
    ],
  ])('%s', (_what, variables: Record<string, string>, sentence) => {
    expect(readProviderVariables(variables).warnings).toEqual([sentence])
  })

  test('of one key under two names, which is one account', () => {
    const { tokens, warnings } = readProviderVariables({ BFL_API_KEY: 'same', BFL_API_KEY_2: 'same' })
    expect(tokens.map(({ account }) => account)).toEqual(['BFL_API_KEY', 'BFL_API_KEY'])
    expect(warnings).toEqual(['BFL_API_KEY_2 is the same key as BFL_API_KEY.'])
  })
})

test('what does not fit is named, never repeated', () => {
  expect(() => readProviderVariables({ FAL_KEY: 'two words', GEMINI_BASE_URL: 'sentinel', PORT: 'x' })).toThrow(
    /^FAL_KEY must be the key as the provider shows it, without spaces\.\nGEMINI_BASE_URL must be an http or https URL\.$/,
  )
})

test.each([
  ['http://127.0.0.1:7777', true],
  ['http://127.8.8.8', true],
  ['http://localhost:1/v1', true],
  ['http://[::1]:1', true],
  ['https://127.0.0.1.nip.io', false],
  ['https://localhost.example', false],
  ['https://10.0.0.1', false],
  ['https://api.openai.com', false],
])('whether %s is this machine: %s', (url, expected) => {
  expect(isLoopbackUrl(url)).toBe(expected)
})
