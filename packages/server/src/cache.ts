/** Answers that may be a few seconds old. Bounded; a question asked twice at once is asked once; failures are not kept. */
export function cached<Value>(
  { seconds, max }: { seconds: number; max: number },
  ask: (key: string) => Promise<Value>,
): (key: string) => Promise<Value> {
  const kept = new Map<string, { answer: Promise<Value>; until: number }>()
  return key => {
    const now = performance.now()
    const known = kept.get(key)
    if (known && known.until > now) return known.answer
    kept.delete(key)
    const oldest = kept.keys().next()
    if (kept.size >= max && !oldest.done) kept.delete(oldest.value)
    const entry = { answer: ask(key), until: now + seconds * 1000 }
    kept.set(key, entry)
    entry.answer.catch(() => {
      if (kept.get(key) === entry) kept.delete(key)
    })
    return entry.answer
  }
}
