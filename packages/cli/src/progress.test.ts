import type { Job } from '@safelight/core'
import { expect, it } from 'vitest'
import { createProgress } from './progress.ts'

const job = (state: Job['state'], fraction: number | null = null, queuePosition: number | null = null): Job =>
  ({ state, progress: { fraction, queuePosition, stage: 'developing' } }) as Job

function shown(screen: { isTTY: boolean; columns?: number }, jobs: readonly Job[]): string {
  let text = ''
  const progress = createProgress({ ...screen, write: more => (text += more) })
  for (const each of jobs) progress.show(each)
  progress.end()
  return text
}

it('writes plain lines off a terminal, and only for news worth one', () => {
  const jobs = [
    job('charged'),
    job('submitting'),
    job('running', null, 3),
    ...[0.1, 0.2, 0.3, 0.9].map(at => job('running', at)),
    job('succeeded', 0.9),
  ]
  expect(shown({ isTTY: false }, jobs).split('\n')).toEqual([
    'queued',
    'developing, 3 ahead',
    'developing 10 %',
    'developing 30 %',
    'developing 90 %',
    'succeeded',
    '',
  ])
})

it('draws one line on a terminal, never longer than it, and leaves none', () => {
  const text = shown({ isTTY: true, columns: 41 }, [job('running', 0.5), job('refunding')])
  const drawn = text.split('\r\u001B[2K').slice(1)
  expect(drawn[0]).toBe('━━━━━━━━━━━━──────────── developing 50 %')
  expect(drawn[1]).toMatch(/^─{24} giving the cre/)
  for (const line of drawn) expect(line.length).toBeLessThan(41)
  expect(drawn.at(-1)).toBe('')
})
