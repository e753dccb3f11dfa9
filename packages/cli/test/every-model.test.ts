/** Every model of every provider, as the command line puts them together, with simulators in their place. */
import { createStudio, type Model, type Studio, type Token } from '@safelight/core'
import { readProviderVariables, type ProviderVariables } from '@safelight/server/node'
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { loadProviders, transportFor } from '../src/providers.ts'
import { png } from '../../server/test/stage.ts'
import { startSimulators } from './simulated.ts'

const ACCOUNTS = 40

let variables: ProviderVariables
beforeAll(async () => {
  variables = readProviderVariables((await startSimulators()).env)
})

/** As many accounts as there are models: everything is asked for at once, and new accounts may do little at once. */
function keysOf(provider: string): Token[] {
  const tokens = variables.tokens.filter(token => token.provider === provider)
  return tokens.flatMap(token =>
    Array.from({ length: ACCOUNTS }, (_, index) => {
      const label = `${token.label}_${index}`
      return { ...token, label, account: label, secret: `${token.secret}-${index}` }
    }),
  )
}

/** A request that this provider takes, by the first size and length for which it does. */
function requestFor({ sizes, durations, images, routes }: Model, picture: string) {
  const wanted = Object.keys(sizes).flatMap(size =>
    (durations ?? [undefined]).map(duration => ({
      prompt: 'a fox',
      size: size as 'square',
      ...(duration === undefined ? {} : { duration }),
      ...(images?.required ? { images: [picture] } : {}),
    })),
  )
  return wanted.find(input => routes.some(({ takes }) => takes?.({ ...input, count: 1 }) ?? true))
}

describe.each(['fal', 'wavespeed', 'replicate', 'bfl', 'runway', 'google', 'openai', 'huggingface'])('%s', provider => {
  it('makes each of its models: one job accepted, one file stored', async () => {
    const tokens = keysOf(provider)
    const transport = transportFor(variables)
    const studio: Studio = createStudio({ providers: await loadProviders({ ...variables, tokens }), tokens, transport })
    onTestFinished(() => studio.close())
    const { id: picture } = await studio.upload({ source: png })
    const made = studio.models.map(async model => {
      const input = requestFor(model, picture)
      const job = await studio.generate({ model: model.id, input } as Parameters<Studio['generate']>[0])
      return [model.id, model.kind, job.media[0].contentType.replace(/\/.*/, '')]
    })
    expect(made.length).toBeGreaterThan(0)
    const told = (await Promise.allSettled(made)).map(each =>
      each.status === 'fulfilled' ? each.value : String(each.reason),
    )
    expect(told).toEqual(studio.models.map(({ id, kind }) => [id, kind, kind === 'video' ? 'video' : 'image']))
  })
})
