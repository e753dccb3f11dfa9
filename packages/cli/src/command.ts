/** What a command is, and how its words and options are read. */
import { parseArgs, type ParseArgsOptionsConfig } from 'node:util'

/** Exit codes, the same for every command. */
export const EXIT = { done: 0, failed: 1, usage: 2, canceled: 130 } as const

export interface CommandLine {
  /** What stands on the line beside the options. */
  words: string[]
  options: Record<string, string | boolean | (string | boolean)[] | undefined>
  wantsHelp: boolean
}

export interface Command {
  readonly name: string
  readonly help: string
  readonly options: ParseArgsOptionsConfig
  /** Answers with the exit code. Throws what the caller will say as one sentence. */
  run(line: CommandLine): Promise<number>
}

/** A fault that its message explains completely: no stack, no code, nothing to look up. */
export class PlainError extends Error {
  override readonly name = 'PlainError'
  readonly exitCode: number
  constructor(message: string, exitCode: number = EXIT.failed, options?: { cause?: unknown }) {
    super(message, options)
    this.exitCode = exitCode
  }
}

/** Throws a `PlainError` that names the word it could not place. */
export function readCommandLine(command: Command, args: readonly string[]): CommandLine {
  const help = { type: 'boolean', short: 'h' } as const
  try {
    const { values, positionals } = parseArgs({
      args: [...args],
      options: { ...command.options, help },
      allowPositionals: true,
    })
    return { words: positionals, options: values, wantsHelp: values['help'] === true }
  } catch (error) {
    // The first sentence names the option; the rest explains the parser.
    const [first = ''] = (error as Error).message.split(/\. (?=[A-Z])|\n/)
    const sentence = first.replace(/\.$/, '')
    throw new PlainError(`${sentence}. See safelight ${command.name} --help.`, EXIT.usage, { cause: error })
  }
}

/** The text of an option; undefined where it was not given. */
export function textOption(line: CommandLine, name: string): string | undefined {
  const value = line.options[name]
  return typeof value === 'string' ? value : undefined
}

/** A whole number, or a `PlainError` that says what would be one. */
export function wholeOption(line: CommandLine, name: string): number | undefined {
  const text = textOption(line, name)
  if (text === undefined) return undefined
  if (!/^\d{1,9}$/.test(text)) throw new PlainError(`--${name} takes a whole number, such as --${name} 2.`, EXIT.usage)
  return Number(text)
}

/** For commands that take no words. */
export function refuseWords(command: Command, line: CommandLine): void {
  if (line.words.length > 0)
    throw new PlainError(`${command.name} takes no words, and there is "${line.words[0]}".`, EXIT.usage)
}
