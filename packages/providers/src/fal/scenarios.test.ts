/** Every row of docs/providers/fal.md: what the adapter makes of it, looking and following. */
import { readFileSync } from 'node:fs'
import type { Progress } from '@safelight/core'
import { expect, test } from 'vitest'
import { createWorld, simulatedFetch } from '../testing/kit/index.ts'
import { fal } from './index.ts'
import { lookWith, submitWith } from '../../test/fal-calls.ts'
import { falSimulator } from './simulator.ts'

const provider = fal()
const page = readFileSync(new URL('../../../../docs/providers/fal.md', import.meta.url), 'utf8')

for (const { name, sheet, expect: expected } of falSimulator.scenarios) {
  test(`${name} is ${expected.kind} at ${expected.at}`, async () => {
    const world = createWorld({ simulators: [falSimulator], seconds: 0.02 })
    const fetch = simulatedFetch(world)
    const ways = {
      look: async (operation: Parameters<typeof lookWith>[1]) => {
        let progress: Progress
        do progress = await provider.look(lookWith(fetch, operation))
        while (progress.status === 'running')
        return progress
      },
      follow: (operation: Parameters<typeof lookWith>[1]) => provider.follow(lookWith(fetch, operation)),
    }
    for (const way of ['look', 'follow'] as const) {
      world.next('fal', { scenario: name })
      const submitted = await provider.submit(submitWith(fetch))
      if (expected.at === 'submit') {
        expect(submitted).toMatchObject({ status: 'refused', kind: expected.kind, paid: expected.paid })
        expect(world.accepted()).toHaveLength(0)
        continue
      }
      if (submitted.status !== 'running') throw new Error(`The submit was ${submitted.status}`)
      let progress = await ways[way](submitted.operation)
      if (progress.status === 'running') progress = await ways.look(submitted.operation)
      if (expected.kind === 'success') {
        expect(progress).toMatchObject({ status: 'done', outputs: [{ url: expect.any(String) }] })
      } else if (expected.at === 'media') {
        expect(progress).toMatchObject({ status: 'done', outputs: [{ flagged: true }] })
      } else {
        expect(progress).toMatchObject({ status: 'failed', kind: expected.kind, paid: expected.paid })
      }
    }
  })

  test(`${name} is on the page`, () => {
    const section = sheet.replace('fal §', '')
    const [, after = ''] = page.split(`### ${section} `)
    expect(after.split('\n### ')[0]).toContain(`\`${name}\``)
  })
}
