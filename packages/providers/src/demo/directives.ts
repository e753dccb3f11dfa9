/** Words in a prompt that make the provider behave in a certain way, for demonstrations and checks. */
export interface Directives {
  /** What becomes of an accepted job. */
  fate: 'done' | 'fail' | 'hang'
  isRefused: boolean
  isFlagged: boolean
  /** One output fewer than was asked for. */
  isPartial: boolean
  /** How long it takes; null where it takes as long as it takes. */
  seconds: number | null
}

const DIRECTIVE = /(?<=^|\s)#(fail|refuse|flag|hang|partial|seconds=(\d{1,6}(?:\.\d{1,3})?))(?![\w=.])/gi
const MAX_SECONDS = 600

/** Separates the directives of a prompt from what is to be drawn. */
export function readDirectives(prompt: string): { directives: Directives; subject: string } {
  const words = new Set<string>()
  let seconds: number | null = null
  const subject = prompt.replace(DIRECTIVE, (_, word: string, number: string | undefined) => {
    words.add(word.toLowerCase())
    if (number !== undefined) seconds = Math.min(Number(number), MAX_SECONDS)
    return ''
  })
  const fate = words.has('hang') ? 'hang' : words.has('fail') ? 'fail' : 'done'
  return {
    directives: {
      fate,
      isRefused: words.has('refuse'),
      isFlagged: words.has('flag'),
      isPartial: words.has('partial'),
      seconds,
    },
    subject: subject.replace(/\s+/g, ' ').trim(),
  }
}
