/** The middle of an odd number of measurements; the lower middle of an even one. */
export function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor((values.length - 1) / 2)] ?? Number.NaN
}

/** One line of a report: what, how much, and the goal where there is one. */
export function row(what: string, value: number, unit: string, goal?: number): string {
  const verdict = goal === undefined ? '' : `   goal ${goal} ${unit}: ${value <= goal ? 'met' : 'MISSED'}`
  return `${what.padEnd(44)} ${value.toFixed(1).padStart(8)} ${unit}${verdict}`
}
