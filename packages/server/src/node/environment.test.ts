import { describe, expect, test } from 'vitest'
import { readEnvironment } from './environment.ts'

const SECRET = 'a secret that is at least 32 characters'
const problemsOf = (variables: Record<string, string>): string[] => {
  try {
    readEnvironment(variables)
    return []
  } catch (error) {
    return (error as Error).message.split('\n')
  }
}

test('nothing set is embedded on this machine', () => {
  expect(readEnvironment({})).toEqual({
    port: 5000,
    host: '127.0.0.1',
    dataDirectory: '.safelight',
    secret: null,
    oldSecret: null,
    database: { kind: 'pglite' },
    supabase: null,
    localPassword: null,
    publicUrl: null,
    trustedProxies: null,
    corsOrigins: [],
    adminEmails: [],
    sweepSecret: null,
    metricsToken: null,
    drainSeconds: 10,
    logDirectory: null,
    tokens: [],
    baseUrls: {},
    warnings: [],
  })
})

test('everything set is read', () => {
  const environment = readEnvironment({
    PORT: '8080',
    HOST: '0.0.0.0',
    SAFELIGHT_DATA_DIR: '/data',
    SAFELIGHT_SECRET: SECRET,
    SAFELIGHT_SECRET_OLD: `${SECRET} before`,
    DATABASE_URL: 'postgres://me:pass@db.example:5432/app?sslmode=require',
    SAFELIGHT_LOCAL_AUTH: '1',
    SAFELIGHT_LOCAL_PASSWORD: 'correct horse battery',
    SAFELIGHT_PUBLIC_URL: 'https://pictures.example/',
    SAFELIGHT_TRUSTED_PROXIES: 'loopback, 10.0.0.0/8',
    SAFELIGHT_CORS_ORIGINS: 'https://a.example, https://b.example:8443',
    CRON_SECRET: 'a-secret-for-the-cron',
    SAFELIGHT_DRAIN_SECONDS: '30',
    REPLIT_DEPLOYMENT: '1',
  })
  expect(environment).toMatchObject({
    port: 8080,
    host: '0.0.0.0',
    dataDirectory: '/data',
    secret: SECRET,
    oldSecret: `${SECRET} before`,
    database: { kind: 'postgres', url: 'postgres://me:pass@db.example:5432/app?sslmode=require' },
    localPassword: 'correct horse battery',
    publicUrl: 'https://pictures.example',
    trustedProxies: 'loopback, 10.0.0.0/8',
    corsOrigins: ['https://a.example', 'https://b.example:8443'],
    sweepSecret: 'a-secret-for-the-cron',
    drainSeconds: 30,
    warnings: [],
  })
})

test('what dashboards leave empty is not set, and spaces around a value are nothing', () => {
  expect(readEnvironment({ PORT: '', DATABASE_URL: '  ', SUPABASE_URL: '' })).toMatchObject({ port: 5000 })
  expect(readEnvironment({ PORT: ' 80 ' }).port).toBe(80)
})

describe('a value that does not fit', () => {
  test.each([
    ['PORT', '99999', 'PORT must be a port from 0 to 65535.'],
    ['PORT', '80a', 'PORT must be a port from 0 to 65535.'],
    ['PORT', '-1', 'PORT must be a port from 0 to 65535.'],
    ['HOST', 'not a host', 'HOST must be an address or a host name to listen on.'],
    ['SAFELIGHT_SECRET', 'too-short-sentinel', 'SAFELIGHT_SECRET must be at least 32 characters.'],
    [
      'DATABASE_URL',
      'mysql://sentinel',
      'DATABASE_URL must be a URL such as postgres://user:password@host:5432/database.',
    ],
    [
      'SAFELIGHT_PUBLIC_URL',
      'https://sentinel.example/path',
      'SAFELIGHT_PUBLIC_URL must be an origin such as https://pictures.example.',
    ],
    [
      'SAFELIGHT_PUBLIC_URL',
      'javascript:sentinel',
      'SAFELIGHT_PUBLIC_URL must be an origin such as https://pictures.example.',
    ],
    ['SAFELIGHT_TRUSTED_PROXIES', 'sentinel', /^SAFELIGHT_TRUSTED_PROXIES must be addresses, CIDR ranges/],
    ['SAFELIGHT_CORS_ORIGINS', 'https://ok.example, *', /^SAFELIGHT_CORS_ORIGINS must be origins/],
    [
      'SAFELIGHT_ADMIN_EMAILS',
      'a@example.com, sentinel',
      'SAFELIGHT_ADMIN_EMAILS must be e-mail addresses, separated by commas.',
    ],
    ['SAFELIGHT_DRAIN_SECONDS', '1h', 'SAFELIGHT_DRAIN_SECONDS must be seconds from 0 to 600.'],
    ['SAFELIGHT_SWEEP_SECRET', 'sentinel', 'SAFELIGHT_SWEEP_SECRET must be at least 16 characters without spaces.'],
    ['SAFELIGHT_LOCAL_AUTH', 'yes', 'SAFELIGHT_LOCAL_AUTH must be 1, or not set.'],
    ['FAL_KEY', 'with space sentinel', 'FAL_KEY must be the key as the provider shows it, without spaces.'],
    ['FAL_KEY_2_DRAIN', 'maybe', 'FAL_KEY_2_DRAIN must be 1, or not set.'],
    ['OPENAI_BASE_URL', 'ftp://sentinel', 'OPENAI_BASE_URL must be an http or https URL.'],
  ])('%s=%s', (name, value, expected) => {
    const problems = problemsOf({ SAFELIGHT_SECRET: SECRET, [name]: value })
    expect(problems).toHaveLength(1)
    expect(problems[0]).toMatch(expected)
    expect(problems.join()).not.toContain('sentinel')
  })

  test('is one line each, all at once', () => {
    const problems = problemsOf({ PORT: 'x', HOST: '!', SAFELIGHT_DRAIN_SECONDS: 'x', DATABASE_URL: 'x' })
    expect(problems.map(line => line.split(' ')[0])).toEqual([
      'PORT',
      'HOST',
      'DATABASE_URL',
      'SAFELIGHT_DRAIN_SECONDS',
      'SAFELIGHT_SECRET',
    ])
  })
})

describe('what goes together', () => {
  test('Postgres needs a secret', () => {
    expect(problemsOf({ DATABASE_URL: 'postgresql://db/app' })).toEqual([
      'SAFELIGHT_SECRET must be set where DATABASE_URL is: at least 32 characters.',
    ])
    expect(problemsOf({ DATABASE_URL: 'postgresql://db/app', SAFELIGHT_SECRET: SECRET })).toEqual([])
  })

  test.each(['REPLIT_DEPLOYMENT', 'VERCEL', 'K_SERVICE'])('%s needs a database, or somebody who knows', name => {
    expect(problemsOf({ [name]: '1' })).toEqual([
      `DATABASE_URL or SUPABASE_URL must be set where ${name} is, because everything kept on that disk is lost; SAFELIGHT_EPHEMERAL=1 says that this is fine.`,
    ])
    expect(problemsOf({ [name]: '1', SAFELIGHT_EPHEMERAL: '1' })).toEqual([])
    expect(problemsOf({ [name]: '1', SAFELIGHT_EPHEMERAL: '0' })).toHaveLength(1)
  })

  test('local accounts for others need a password, and a password needs them', () => {
    expect(problemsOf({ SAFELIGHT_LOCAL_AUTH: '1' })).toEqual([
      'SAFELIGHT_LOCAL_PASSWORD must be set together with SAFELIGHT_LOCAL_AUTH=1: at least 12 characters.',
    ])
    const { localPassword, warnings } = readEnvironment({ SAFELIGHT_LOCAL_PASSWORD: 'correct horse battery' })
    expect(localPassword).toBeNull()
    expect(warnings).toEqual(['SAFELIGHT_LOCAL_PASSWORD has no effect without SAFELIGHT_LOCAL_AUTH=1.'])
  })

  test('what is not there yet is refused, not ignored', () => {
    expect(problemsOf({ BLOB_READ_WRITE_TOKEN: 'vercel_blob_rw_x' })).toEqual([
      'BLOB_READ_WRITE_TOKEN selects Vercel Blob, which this version does not offer yet: unset it.',
    ])
    expect(problemsOf({ BLOB_READ_WRITE_TOKEN: 'sentinel' })).toEqual([
      'BLOB_READ_WRITE_TOKEN must be a token that begins with vercel_blob_rw_.',
    ])
  })
})

test('names that look like ours and are not are warned of', () => {
  const { warnings } = readEnvironment({
    SAFELIGHT_PROT: '80',
    SAFELIGHT_METRICS_TOKEN: 'sixteen characters'.replace(' ', '-'),
  })
  expect(warnings).toEqual([
    'SAFELIGHT_METRICS_TOKEN has no effect in this version.',
    'SAFELIGHT_PROT is no setting of safelight and has no effect.',
  ])
})
