/** The docs page, the simulator and the models say the same. */
import { expect, test } from 'vitest'
import { docsPage, rowsOf, undocumented } from '../../test/docs-page.ts'
import { googleModels } from './models.ts'
import { googleScenarios } from './scenarios.ts'

const page = docsPage('google')

test('every row of the page is a scenario, every scenario a row', () => {
  expect(Object.fromEntries(page.rows)).toEqual(Object.fromEntries(rowsOf(googleScenarios)))
})

test('every model and every endpoint is on the page', () => {
  expect(undocumented(page, googleModels)).toEqual([])
})
