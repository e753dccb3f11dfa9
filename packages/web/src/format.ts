/** Numbers and times as people read them. */

const THIN_SPACE = '\u2009'
// The plain one: people's scripts and spreadsheets read the ledger too.
const MINUS = '-'

/** `3000` → `3 000`, with a thin space. */
export function grouped(value: number): string {
  const digits = String(Math.abs(Math.round(value))).replace(/\B(?=(\d{3})+(?!\d))/g, THIN_SPACE)
  return value < 0 ? `${MINUS}${digits}` : digits
}

/** `+500`, `-1 000`. */
export function signed(value: number): string {
  return value > 0 ? `+${grouped(value)}` : grouped(value)
}

/** `8 s`, `2 min 5 s`, `1 h 3 min`. */
export function span(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds))
  if (whole < 60) return `${whole} s`
  if (whole < 3600) return whole % 60 ? `${Math.floor(whole / 60)} min ${whole % 60} s` : `${whole / 60} min`
  return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`
}

/** `4–7 s`, `1–2 min`: coarse on purpose, it is a guess. */
export function range({ low, high }: { low: number; high: number }): string {
  const [unit, name] = high >= 90 ? [60, 'min'] : [1, 's']
  const from = Math.max(1, Math.round(low / unit))
  const to = Math.max(from, Math.round(high / unit))
  return from === to ? `${to} ${name}` : `${from}–${to} ${name}`
}

const dayFormat = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short' })
const clockFormat = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit' })
const longFormat = new Intl.DateTimeFormat('en-GB', { dateStyle: 'long', timeStyle: 'medium' })

/** `23 Nov` */
export const day = (iso: string) => dayFormat.format(new Date(iso))
/** `18:44` */
export const clock = (iso: string) => clockFormat.format(new Date(iso))
/** `23 November 2026 at 18:44:02` */
export const longTime = (iso: string) => longFormat.format(new Date(iso))

/** `312 kB`, `1.4 MB` */
export function fileSize(bytes: number): string {
  return bytes < 1_000_000 ? `${Math.max(1, Math.round(bytes / 1000))} kB` : `${(bytes / 1_000_000).toFixed(1)} MB`
}
