import { SignJWT } from 'jose'
import { describe, expect, test } from 'vitest'
import { readEnvironment } from './environment.ts'

const SECRET = 'a secret that is at least 32 characters'
const URL_ = 'https://sentinel.supabase.co'
const PUBLIC = `sb_publishable_${'sentinel'.repeat(3)}`
const HIDDEN = `sb_secret_${'sentinel'.repeat(3)}`
const tokenOf = (role: string) =>
  new SignJWT({ role, iss: 'supabase' }).setProtectedHeader({ alg: 'HS256' }).sign(Buffer.from(SECRET))
const [anon, serviceRole] = (await Promise.all(['anon', 'service_role'].map(tokenOf))) as [string, string]

const problemsOf = (variables: Record<string, string>): string[] => {
  try {
    readEnvironment(variables)
    return []
  } catch (error) {
    const { message } = error as Error
    for (const value of Object.values(variables)) expect(message).not.toContain(value)
    expect(message).not.toContain('sentinel')
    return message.split('\n')
  }
}
const whole = { SUPABASE_URL: URL_, SUPABASE_PUBLISHABLE_KEY: PUBLIC, SUPABASE_SECRET_KEY: HIDDEN, SAFELIGHT_SECRET: SECRET } // prettier-ignore

describe('a project', () => {
  test('is the database and the sign-in, and people come from anywhere', () => {
    expect(readEnvironment({ ...whole, SUPABASE_JWT_SECRET: SECRET })).toMatchObject({
      host: '0.0.0.0',
      database: { kind: 'supabase', url: URL_, secretKey: HIDDEN },
      supabase: { url: URL_, publishableKey: PUBLIC, secretKey: HIDDEN, jwtSecret: SECRET },
      localPassword: null,
      warnings: [],
    })
  })

  test.each<Record<string, string>>([
    { SUPABASE_URL: `${URL_}/`, SUPABASE_ANON_KEY: anon, SUPABASE_SERVICE_ROLE_KEY: serviceRole },
    { NEXT_PUBLIC_SUPABASE_URL: URL_, NEXT_PUBLIC_SUPABASE_ANON_KEY: anon, SUPABASE_SECRET_KEY: serviceRole },
    {
      SUPABASE_URL: URL_,
      NEXT_PUBLIC_SUPABASE_URL: `${URL_}//`,
      SUPABASE_ANON_KEY: anon,
      SUPABASE_SECRET_KEY: serviceRole,
    },
  ])('is known by old names too: %o', variables => {
    expect(readEnvironment({ ...variables, SAFELIGHT_SECRET: SECRET }).supabase).toEqual({
      url: URL_,
      publishableKey: anon,
      secretKey: serviceRole,
      jwtSecret: null,
    })
  })

  test('is the sign-in alone where a DATABASE_URL is set, and then needs no secret key', () => {
    const DATABASE_URL = 'postgres://db.example/app'
    const { SUPABASE_SECRET_KEY: _, ...rest } = whole
    expect(readEnvironment({ ...rest, DATABASE_URL })).toMatchObject({
      database: { kind: 'postgres', url: DATABASE_URL },
      supabase: { url: URL_, secretKey: null },
    })
  })

  test('on this machine may do without TLS', () => {
    for (const url of ['http://127.0.0.1:54321', 'http://localhost:54321'])
      expect(readEnvironment({ ...whole, SUPABASE_URL: url }).supabase?.url).toBe(url)
  })

  test('takes the place of local accounts', () => {
    const local = { SAFELIGHT_LOCAL_AUTH: '1', SAFELIGHT_LOCAL_PASSWORD: 'correct horse battery' }
    expect(readEnvironment({ ...whole, ...local })).toMatchObject({
      localPassword: null,
      warnings: ['SAFELIGHT_LOCAL_AUTH has no effect where people sign in to a Supabase project.'],
    })
  })

  test('keeps its data when a disk does not', () => {
    expect(problemsOf({ ...whole, VERCEL: '1' })).toEqual([])
  })
})

describe('what is missing', () => {
  const URL_MISSING = 'the address of the project, such as https://abc.supabase.co.'
  const PUBLIC_MISSING = 'the public key of the project (sb_publishable_…, or SUPABASE_ANON_KEY).'
  const HIDDEN_MISSING =
    'the secret key of the project (sb_secret_…, or SUPABASE_SERVICE_ROLE_KEY), or DATABASE_URL instead.'

  test('is told at once', () => {
    expect(problemsOf({ SUPABASE_URL: URL_ })).toEqual([
      `SUPABASE_PUBLISHABLE_KEY must be set where SUPABASE_URL is: ${PUBLIC_MISSING}`,
      `SUPABASE_SECRET_KEY must be set where SUPABASE_URL is: ${HIDDEN_MISSING}`,
      'SAFELIGHT_SECRET must be set where SUPABASE_URL is: at least 32 characters.',
    ])
    expect(problemsOf({ SUPABASE_SERVICE_ROLE_KEY: serviceRole, SAFELIGHT_SECRET: SECRET })).toEqual([
      `SUPABASE_URL must be set where SUPABASE_SERVICE_ROLE_KEY is: ${URL_MISSING}`,
      `SUPABASE_PUBLISHABLE_KEY must be set where SUPABASE_SERVICE_ROLE_KEY is: ${PUBLIC_MISSING}`,
    ])
    expect(
      problemsOf({ SUPABASE_JWT_SECRET: SECRET, DATABASE_URL: 'postgres://db/app', SAFELIGHT_SECRET: SECRET }),
    ).toEqual([
      `SUPABASE_URL must be set where SUPABASE_JWT_SECRET is: ${URL_MISSING}`,
      `SUPABASE_PUBLISHABLE_KEY must be set where SUPABASE_JWT_SECRET is: ${PUBLIC_MISSING}`,
    ])
  })

  test('is nothing that only the project’s own tools read', () => {
    expect(problemsOf({ SUPABASE_ACCESS_TOKEN: 'sbp_sentinel', SUPABASE_DB_PASSWORD: 'sentinel' })).toEqual([])
  })
})

describe('a value in the wrong place', () => {
  const PUBLIC_KEY =
    'must be the public key of the project: it begins with sb_publishable_, or is the token of the role anon.'
  const SECRET_KEY =
    'must be the secret key of the project: it begins with sb_secret_, or is the token of the role service_role.'

  test.each([
    [PUBLIC, HIDDEN],
    [anon, serviceRole],
    [anon, HIDDEN],
  ])('swapped keys are told of, both of them', (publicKey, secretKey) => {
    expect(problemsOf({ ...whole, SUPABASE_PUBLISHABLE_KEY: secretKey, SUPABASE_SECRET_KEY: publicKey })).toEqual([
      `SUPABASE_PUBLISHABLE_KEY ${PUBLIC_KEY}`,
      `SUPABASE_SECRET_KEY ${SECRET_KEY}`,
    ])
  })

  test('a secret key under a name that is published is told of, though another name comes first', () => {
    expect(problemsOf({ ...whole, NEXT_PUBLIC_SUPABASE_ANON_KEY: HIDDEN })).toEqual([
      `NEXT_PUBLIC_SUPABASE_ANON_KEY ${PUBLIC_KEY}`,
    ])
  })

  test.each([
    'http://sentinel.example',
    'ftp://localhost',
    'sentinel.supabase.co',
    'https://user:sentinel@db.supabase.co',
    `${URL_}/rest/v1/`,
    `${URL_}/auth/v1`,
    `${URL_}?apikey=sentinel`,
  ])('%s is no project', url => {
    expect(problemsOf({ ...whole, SUPABASE_URL: url })).toEqual([
      'SUPABASE_URL must be the https URL of a project, such as https://abc.supabase.co (http only on this machine).',
    ])
  })

  test.each([
    ['SUPABASE_SECRET_KEY', 'sentinel'],
    ['SUPABASE_SECRET_KEY', `sb_secret_with space sentinel`],
    ['SUPABASE_PUBLISHABLE_KEY', 'eyJsentinel.eyJsentinel.sentinel'],
    ['SUPABASE_JWT_SECRET', 'sentinel'],
  ])('%s=%s', (name, value) => {
    const problems = problemsOf({ ...whole, [name]: value })
    expect(problems).toHaveLength(1)
    expect(problems[0]).toMatch(new RegExp(`^${name} must be the `))
  })

  test('two addresses are one too many', () => {
    expect(problemsOf({ ...whole, NEXT_PUBLIC_SUPABASE_URL: 'https://sentinel2.supabase.co' })).toEqual([
      'SUPABASE_URL and NEXT_PUBLIC_SUPABASE_URL name two projects: unset one.',
    ])
  })
})
