import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { setupServer } from 'msw/node'
import { describe, expect, test } from 'vitest'
import { createStudio } from '@safelight/core'
import { fal } from '../fal/index.ts'
import { createWorld, mswHandlers, simulators } from './index.ts'

const page = (provider: string) =>
  readFile(fileURLToPath(new URL(`../../../../docs/providers/${provider}.md`, import.meta.url)), 'utf8')

test('there is one for each vendor', () => {
  expect(simulators.map(({ provider }) => provider).toSorted()).toEqual([
    'bfl',
    'fal',
    'google',
    'huggingface',
    'openai',
    'replicate',
    'runway',
    'wavespeed',
  ])
})

describe.each(simulators.map(simulator => [simulator.provider, simulator] as const))(
  '%s',
  (provider, { scenarios }) => {
    test('has a page with a row for each of its scenarios', async () => {
      const text = await page(provider)
      const missing = scenarios.filter(({ name, sheet }) => {
        const section = sheet.replace(/^.*§\s*/, '')
        return !text.includes(`\`${name}\``) && !new RegExp(`^\\| ${section} \\|`, 'm').test(text)
      })
      expect(missing.map(({ name }) => name)).toEqual([])
    })

    test('has a scenario for each row of the failure tables of its page', async () => {
      const names = new Set(scenarios.map(({ name }) => name))
      const sections = new Set(scenarios.map(({ sheet }) => sheet.replace(/^.*§\s*/, '')))
      const rows = failureRows(await page(provider))
      expect(rows.length).toBeGreaterThan(5)
      expect(rows.filter(row => !row.every(each => names.has(each) || sections.has(each)))).toEqual([])
    })
  },
)

/** The first cells of every table whose first column is called `scenario`, `name` or `§`. */
function failureRows(text: string): string[][] {
  const rows: string[][] = []
  let inTable = false
  for (const line of text.split('\n')) {
    const [, first = ''] = /^\|([^|]*)\|/.exec(line) ?? []
    if (!line.startsWith('|')) inTable = false
    else if (/^(scenario|name|§)$/.test(first.trim())) inTable = true
    else if (inTable && !/^[-\s:]+$/.test(first))
      rows.push([...first.matchAll(/`([^`]+)`|^\s*(\d+)\s*$/g)].map(([, name, number]) => name ?? number ?? ''))
  }
  return rows
}

test('msw brings them to whoever uses the plain fetch', async () => {
  const world = createWorld({ simulators, seconds: 0.1 })
  const server = setupServer(...(await mswHandlers(world)))
  server.listen({ onUnhandledFrame: 'error' })
  try {
    const token = { provider: 'fal', label: 'FAL_KEY', secret: 'any', account: 'A', draining: false, maxOpen: null }
    const studio = createStudio({ providers: [fal()], tokens: [token] })
    const { media } = await studio.generate({ model: 'flux-schnell', input: { prompt: 'a red fox in snow' } })
    expect(media[0].contentType).toBe('image/png')
    expect(world.accepted()).toHaveLength(1)
    await studio.close()
  } finally {
    server.close()
  }
})
