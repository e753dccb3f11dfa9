/** The server's log: JSON lines for machines; on a terminal only what somebody should read. */
import type { Log } from '@safelight/server'
import { jsonLines } from '@safelight/server/node'

export function createLog(out: { isTTY?: boolean; write(text: string): unknown }): Log {
  if (!out.isTTY) return jsonLines(line => void out.write(line))
  return (level, event, fields = {}) => {
    if (level === 'info') return
    const rest = Object.entries(fields).map(([name, value]) => `${name}=${value}`)
    out.write(`${level}: ${[event, ...rest].join(' ')}\n`)
  }
}
