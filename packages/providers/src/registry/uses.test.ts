import type { Model } from '@safelight/core'
import { describe, expect, test } from 'vitest'
import { falModels } from '../fal/index.ts'
import { replicateModels } from '../replicate/index.ts'
import { wavespeedModels } from '../wavespeed/index.ts'
import { usesOf } from './uses.ts'

describe.each<[string, readonly Model[]]>([
  ['fal', falModels],
  ['wavespeed', wavespeedModels],
  ['replicate', replicateModels],
])('every route of %s', (provider, models) => {
  const uses = usesOf(models, [provider])

  test('is there once for its endpoint, with something to send', () => {
    const endpoints = models.flatMap(({ routes }) => routes.map(({ endpoint }) => endpoint))
    expect(uses.map(({ endpoint }) => endpoint)).toEqual([...new Set(endpoints)])
    for (const { endpoint, bodies } of uses) expect([endpoint, bodies.length]).not.toEqual([endpoint, 0])
  })

  test('sends fields, and no mark of where a picture would go', () => {
    for (const { bodies } of uses)
      for (const body of bodies) {
        expect(body).toHaveProperty('prompt')
        expect(JSON.stringify(body)).not.toMatch(/\$input|"pictures"/)
      }
  })

  test('that needs a picture sends one', () => {
    const editing = usesOf(
      models.filter(({ images }) => images?.required),
      [provider],
    )
    expect(editing.length).toBeGreaterThan(0)
    for (const { endpoint, bodies } of editing)
      expect([endpoint, JSON.stringify(bodies[0])]).toEqual([endpoint, expect.stringContaining('pictures.example')])
  })
})

test('other providers are left out', () => {
  expect(usesOf(falModels, ['wavespeed'])).toEqual([])
})
