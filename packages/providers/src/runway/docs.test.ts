/** The docs page, the simulator and the models say the same. */
import { expect, test } from 'vitest'
import { docsPage, rowsOf, undocumented } from '../../test/docs-page.ts'
import { runwayModels } from './models.ts'
import { runwayScenarios } from './scenarios.ts'

const page = docsPage('runway')

test('every row of the page is a scenario, every scenario a row', () => {
  expect(Object.fromEntries(page.rows)).toEqual(Object.fromEntries(rowsOf(runwayScenarios)))
})

test('every model and every endpoint is on the page', () => {
  expect(undocumented(page, runwayModels)).toEqual([])
})
