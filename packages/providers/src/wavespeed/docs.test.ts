/** The docs page, the simulator and the models say the same. */
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { wavespeedModels } from './models.ts'
import { scenarios } from './simulator/scenarios.ts'

const page = readFileSync(new URL('../../../../docs/providers/wavespeed.md', import.meta.url), 'utf8')
const rows = new Map(
  [...page.matchAll(/^\| (\d+) \| ([a-z, ]+) \|(.*)\|$/gm)].map(([, section, where, rest]) => [
    `wavespeed §${section}`,
    { where: where ?? '', rest: rest ?? '' },
  ]),
)

test('every row of the failure table has a scenario, and every scenario a row', () => {
  expect([...new Set(scenarios.map(({ sheet }) => sheet))].toSorted()).toEqual([...rows.keys()].toSorted())
})

test.each(scenarios.map(scenario => [scenario.name, scenario] as const))(
  '%s is as its row says',
  (_, { sheet, expect: row }) => {
    const { where, rest } = rows.get(sheet)!
    expect(where).toContain(row.at)
    if (row.kind !== 'success' && row.kind !== 'unknown') expect(rest).toContain(`\`${row.kind}\``)
    if (row.kind !== 'success') expect(rest.split('|').at(-1)?.trim()).toBe(row.paid)
  },
)

test('every model and every endpoint is in the table', () => {
  for (const { id, routes } of wavespeedModels) {
    expect(page).toContain(`\`${id}\``)
    for (const { endpoint } of routes) expect(page).toContain(`\`${endpoint}\``)
  }
})
