/** The docs page, the simulator and the models say the same. */
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { huggingfaceModels } from './models.ts'
import { scenarios } from './simulator/scenarios.ts'

const page = readFileSync(new URL('../../../../docs/providers/huggingface.md', import.meta.url), 'utf8')

/** By the scenario's name: in which section, where it shows, what we say, what it cost. */
function rowsOf(text: string) {
  const rows = new Map<string, { sheet: string; where: string; says: string; paid: string }>()
  let sheet = ''
  for (const line of text.split('\n')) {
    sheet = /^##+ (\d(?:\.\d)?) /.exec(line)?.[1] ?? sheet
    const cells = line.split(' | ').map(cell => cell.replaceAll(/^\| | \|$/g, ''))
    const name = /^`(\w+)`$/.exec(cells[0] ?? '')?.[1]
    if (name && cells.length === 5) {
      rows.set(name, { sheet: `huggingface §${sheet}`, where: cells[1]!, says: cells[3]!, paid: cells[4]! })
    }
  }
  return rows
}
const rows = rowsOf(page)

test('every row of the failure tables has a scenario, and every scenario a row', () => {
  expect([...rows.keys()].toSorted()).toEqual(scenarios.map(({ name }) => name).toSorted())
})

test.each(scenarios)('$name is as its row says', ({ name, sheet, expect: { at, kind, paid } }) => {
  expect(rows.get(name)).toMatchObject({ sheet, where: at, paid })
  expect(rows.get(name)?.says).toContain(`\`${kind}\``)
})

test('every model and every endpoint is in the table', () => {
  for (const { id, routes } of huggingfaceModels) {
    expect(page).toContain(`\`${id}\``)
    for (const { endpoint } of routes) expect(page).toContain(`\`${endpoint}\``)
  }
})
