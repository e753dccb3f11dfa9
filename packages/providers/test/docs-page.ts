/** A provider's page says the same as its simulator and its models: every row a scenario, every scenario a row. */
import { readFileSync } from 'node:fs'
import type { Model } from '@safelight/core'
import type { Scenario } from '../src/testing/kit/index.ts'

export interface DocsPage {
  text: string
  /** `provider §3 name` with its kind and what it says of money; rows begin with the name of a scenario. */
  rows: ReadonlyMap<string, { kind: string; paid: string }>
}

export function docsPage(provider: string): DocsPage {
  const text = readFileSync(new URL(`../../../docs/providers/${provider}.md`, import.meta.url), 'utf8')
  const rows = new Map<string, { kind: string; paid: string }>()
  for (const section of text.split(/^## /m).slice(1)) {
    const number = Number.parseInt(section)
    for (const [, name, rest = ''] of section.matchAll(/^\| `([a-z_]+)` \|(.*\| (?:no|yes|unknown)) \|$/gm)) {
      const cells = rest.split('|').map(cell => cell.trim().replaceAll('`', ''))
      rows.set(`${provider} §${number} ${name}`, { kind: cells.at(-2) ?? '', paid: cells.at(-1) ?? '' })
    }
  }
  return { text, rows }
}

/** What the simulator says, in the form of the page's rows. */
export function rowsOf(scenarios: readonly Scenario[]): DocsPage['rows'] {
  return new Map(scenarios.map(({ name, sheet, expect: { kind, paid } }) => [`${sheet} ${name}`, { kind, paid }]))
}

/** Ids and endpoints that the page does not name. */
export function undocumented({ text }: DocsPage, models: readonly Model[]): string[] {
  const names = models.flatMap(({ id, routes }) => [id, ...routes.map(({ endpoint }) => endpoint)])
  return names.filter(name => !text.includes(`\`${name}\``))
}
