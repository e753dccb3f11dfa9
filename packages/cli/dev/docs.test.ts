/** What the documents promise is looked up in the code. */
import { existsSync, globSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { ERRORS, FAILURES } from '@safelight/core'
import { describe, expect, it } from 'vitest'

const root = fileURLToPath(new URL('../../..', import.meta.url))
const read = (file: string): string => readFileSync(join(root, file), 'utf8')

describe('docs/errors.md', () => {
  const [refusals = '', failures = ''] = read('docs/errors.md').split('## A job ended without a result')
  const sectionsOf = (text: string): string[] => [...text.matchAll(/^### `(\w+)`/gm)].map(([, code = '']) => code)

  it('has one section for each code of a refused request, with its status', () => {
    expect(sectionsOf(refusals)).toEqual(Object.keys(ERRORS))
    for (const [code, { status }] of Object.entries(ERRORS))
      expect(refusals).toContain(`### \`${code}\`\n\n${status}. `)
  })
  it('has one section for each way a job can fail', () => {
    expect(sectionsOf(failures)).toEqual([...Object.keys(FAILURES), 'canceled'])
  })
})

const documents = ['README.md', 'AGENTS.md', ...globSync('docs/**/*.md', { cwd: root })]

describe.each(documents)('%s', document => {
  it('links only to what is there', () => {
    const links = [...read(document).matchAll(/\]\((?!https?:|#)([^)#\s]+)/g)].map(([, link = '']) => link)
    const broken = links.filter(link => !existsSync(join(root, dirname(document), link)))
    expect(broken).toEqual([])
  })

  it('names only files that are there', () => {
    const named = [...read(document).matchAll(/`((?:packages|docs|examples|database|\.ci)\/[\w./*-]+)`/g)].map(
      ([, path = '']) => path,
    )
    const missing = named.filter(path => globSync(path, { cwd: root }).length === 0)
    expect(missing).toEqual([])
  })
})
