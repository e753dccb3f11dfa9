import { describe, test } from 'vitest'
import { crashCases } from './cases.ts'
import { memoryHarness } from './memory-harness.ts'

describe('with fused calls', () => {
  for (const { name, run } of crashCases(memoryHarness)) test(name, run)
})

describe('with single ports', () => {
  for (const { name, run } of crashCases(memoryHarness, { separate: true })) test(name, run)
})
