/** The log as JSON lines: one event, one line, whatever its fields hold. */
import type { Log } from '../options.ts'

export function jsonLines(write: (line: string) => void): Log {
  return (level, event, fields = {}) => {
    write(`${JSON.stringify({ time: new Date().toISOString(), level, event, ...fields })}\n`)
  }
}
