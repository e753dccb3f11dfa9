/** Contenders in turns, so that a noisy moment hits all of them, and the lines of the report. */
import { median } from '../numbers.ts'

export const CONNECTIONS = 16
const ROUNDS = 5
const ROUND_SECONDS = 1.5

export interface Contender {
  name: string
  /** One round of it. */
  measure(): Promise<Figures>
}
export interface Figures {
  perSecond: number
  p99Milliseconds: number
}

/** The medians of all rounds by name, after one round that does not count: plans are cached then, and pages read. */
export async function compare(contenders: readonly Contender[]): Promise<ReadonlyMap<string, Figures>> {
  const rounds = new Map(contenders.map(({ name }) => [name, [] as Figures[]]))
  for (const { measure } of contenders) await measure()
  for (let round = 0; round < ROUNDS; round++) {
    for (const { name, measure } of contenders) rounds.get(name)?.push(await measure())
  }
  const figures = new Map([...rounds].map(([name, all]) => [name, medians(all)]))
  for (const [name, { perSecond, p99Milliseconds }] of figures) {
    const rate = perSecond.toFixed(perSecond < 100 ? 1 : 0).padStart(7)
    console.log(`  ${name.padEnd(58)} ${rate} /s   p99 ${p99Milliseconds.toFixed(1)} ms`)
  }
  return figures
}

function medians(rounds: readonly Figures[]): Figures {
  return {
    perSecond: median(rounds.map(({ perSecond }) => perSecond)),
    p99Milliseconds: median(rounds.map(({ p99Milliseconds }) => p99Milliseconds)),
  }
}

/** As often as so many callers manage in the time of a round. */
export async function repeat(once: () => Promise<unknown>, callers = CONNECTIONS): Promise<Figures> {
  const times: number[] = []
  const startedAt = performance.now()
  const endsAt = startedAt + ROUND_SECONDS * 1000
  await Promise.all(
    Array.from({ length: callers }, async () => {
      for (let now = performance.now(); now < endsAt;) {
        await once()
        const then = now
        now = performance.now()
        times.push(now - then)
      }
    }),
  )
  const seconds = (performance.now() - startedAt) / 1000
  const p99Milliseconds = times.toSorted((a, b) => a - b)[Math.floor(times.length * 0.99)] ?? Number.NaN
  return { perSecond: times.length / seconds, p99Milliseconds }
}

/** How many times as fast one is as another. */
export function ratio(figures: ReadonlyMap<string, Figures>, over: string, under: string): number {
  return (figures.get(over)?.perSecond ?? Number.NaN) / (figures.get(under)?.perSecond ?? Number.NaN)
}

export function heading(text: string): void {
  console.log(`\n${text}`)
}

export function atLeast(what: string, times: number, goal: number): void {
  verdict(what, `${times.toFixed(2)}x`, `at least ${goal}x`, times >= goal)
}

export function atMost(what: string, times: number, goal: number): void {
  verdict(what, `${times.toFixed(2)}x`, `at most ${goal}x`, times <= goal)
}

/** All of these numbers have to be this one. */
export function exactly(what: string, found: readonly number[], goal: number): void {
  const [least, most] = [Math.min(...found), Math.max(...found)]
  const isMet = found.length > 0 && least === goal && most === goal
  verdict(what, least === most ? `${least}` : `${least} to ${most}`, `exactly ${goal}`, isMet)
}

function verdict(what: string, found: string, goal: string, isMet: boolean): void {
  console.log(`${what.padEnd(60)} ${found.padStart(7)}   goal ${goal}: ${isMet ? 'met' : 'MISSED'}`)
  if (!isMet) process.exitCode = 1
}
