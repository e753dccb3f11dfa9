/**
 * The import rule, as a program: who may import whom, which packages stay free of Node, who reads the environment.
 * `pnpm lint` runs it over every tracked and new source file.
 */
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { dirname, join, normalize, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'

/** Our packages that each package may import; a package that is missing here may import any. */
const MAY_IMPORT: Record<string, readonly string[]> = {
  core: [],
  client: [],
  providers: ['core'],
  postgres: ['core'],
  media: ['core'],
  supabase: ['core', 'postgres'],
  server: ['core'],
  web: ['client', 'core'],
}
/** Runs wherever there is `fetch`, outside the folders named. */
const WITHOUT_NODE: Record<string, readonly string[]> = { core: ['node/', 'testing/'], client: ['testing/'] }
/** Too heavy to arrive with the first import of the core or of a provider; `import()` of them is fine. */
const NEVER_STATIC = /^(zod|undici|@supabase\/.*)$/
const LIGHT = new Set(['core', 'client', 'providers'])
const MAY_READ_ENVIRONMENT = [
  /^packages\/cli\//,
  /^examples\//,
  /^packages\/server\/src\/node\.ts$/,
  // Support for tests on Node: which Postgres to test on.
  /^packages\/postgres\/src\/testing\//,
]

/** The simulators are a product of their own, and this is the command that serves them. */
const MAY_IMPORT_TESTING = /^packages\/cli\/src\/simulate\b/

export interface Violation {
  file: string
  line: number
  message: string
}
interface Import {
  line: number
  name: string
  isStatic: boolean
  isType: boolean
}

/** What is wrong with one file; `file` is its path from the root of the repository. */
export function violationsIn(file: string, text: string): Violation[] {
  if (isTest(file)) return []
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true)
  const found = importsOf(source).flatMap(each =>
    problemsOf(file, each).map(message => ({ file, line: each.line, message })),
  )
  if (!MAY_READ_ENVIRONMENT.some(place => place.test(file)))
    for (const line of environmentReads(source))
      found.push({ file, line, message: 'reads the environment; take it as an option, the command line passes it in' })
  return found
}

/** Tests stand outside the layers: they put whole systems together. */
function isTest(file: string): boolean {
  return /\.test\.tsx?$|\/test\/|\.config\.ts$|^packages\/[^/]+\/(dev|bench)\//.test(file)
}

function problemsOf(file: string, { name, isStatic, isType }: Import): string[] {
  const [, owner = '', path = ''] = /^packages\/([^/]+)\/src\/(.*)$/.exec(file) ?? []
  if (!owner) return []
  const problems: string[] = []
  const target = packageOf(file, name)
  const allowed = MAY_IMPORT[owner]
  if (target && target !== owner && allowed && !allowed.includes(target))
    problems.push(`${owner} may not import ${target} (${name})`)
  if (target && target !== owner && name.startsWith('.')) problems.push(`import ${target} by its name, not by a path`)
  const isOwnTesting = path.startsWith('testing/') || name.startsWith('.')
  if (target && name.includes('/testing') && !isOwnTesting && !MAY_IMPORT_TESTING.test(file))
    problems.push(`${name} is for tests`)
  const nodeFolders = WITHOUT_NODE[owner]
  if (name.startsWith('node:') && nodeFolders && !nodeFolders.some(folder => path.startsWith(folder)))
    problems.push(`${name} outside ${nodeFolders.join(' and ')}: ${owner} runs wherever there is fetch`)
  if (LIGHT.has(owner) && !path.includes('testing/') && isStatic && !isType && NEVER_STATIC.test(name))
    problems.push(`${name} is too heavy for a static import in ${owner}`)
  return problems
}

/** The package of ours that a name leads to; null for everyone else's. */
function packageOf(file: string, name: string): string | null {
  if (name === 'safelight') return 'cli'
  const [, ours] = /^@safelight\/([^/]+)/.exec(name) ?? []
  if (ours) return ours
  if (!name.startsWith('.')) return null
  return /^packages\/([^/]+)\//.exec(normalize(join(dirname(file), name)))?.[1] ?? null
}

function importsOf(source: ts.SourceFile): Import[] {
  const found: Import[] = []
  const add = (node: ts.Node, specifier: ts.Node | undefined, isStatic: boolean, isType = false): void => {
    if (specifier && ts.isStringLiteralLike(specifier))
      found.push({ line: lineOf(source, node), name: specifier.text, isStatic, isType })
  }
  visit(source, node => {
    if (ts.isImportDeclaration(node))
      add(node, node.moduleSpecifier, true, node.importClause?.phaseModifier === ts.SyntaxKind.TypeKeyword)
    else if (ts.isExportDeclaration(node)) add(node, node.moduleSpecifier, true, node.isTypeOnly)
    else if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument))
      add(node, node.argument.literal, true, true)
    else if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword)
      add(node, node.arguments[0], false)
    else if (ts.isCallExpression(node) && node.expression.getText(source) === 'require')
      add(node, node.arguments[0], true)
  })
  return found
}

/** Lines that touch `process.env` in any spelling: a property, a destructuring, an import from `node:process`. */
function environmentReads(source: ts.SourceFile): number[] {
  const lines: number[] = []
  visit(source, node => {
    const reads =
      (ts.isPropertyAccessExpression(node) && node.name.text === 'env' && isProcess(node.expression)) ||
      (ts.isElementAccessExpression(node) && isProcess(node.expression)) ||
      (ts.isVariableDeclaration(node) && ts.isObjectBindingPattern(node.name) && isProcess(node.initializer)) ||
      (ts.isImportDeclaration(node) && /^(node:)?process$/.test((node.moduleSpecifier as ts.StringLiteral).text))
    if (reads) lines.push(lineOf(source, node))
  })
  return lines
}

function isProcess(node: ts.Node | undefined): boolean {
  return node !== undefined && /^(globalThis\.)?process$/.test(node.getText())
}

function visit(node: ts.Node, look: (node: ts.Node) => void): void {
  look(node)
  ts.forEachChild(node, child => visit(child, look))
}

function lineOf(source: ts.SourceFile, node: ts.Node): number {
  return source.getLineAndCharacterOfPosition(node.getStart(source)).line + 1
}

/** Every source file that git knows or would add. */
function sourceFiles(root: string): string[] {
  const listed = execFileSync('git', ['ls-files', '-co', '--exclude-standard', '-z', '--', 'packages', 'examples'], {
    cwd: root,
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
  })
  return listed.split('\0').filter(file => /\.(ts|tsx|mts|js|mjs)$/.test(file) && !/\/(dist|generated)\//.test(file))
}

if (import.meta.main) {
  const root = fileURLToPath(new URL('../../..', import.meta.url))
  const files = sourceFiles(root)
  const violations = files.flatMap(file => {
    try {
      return violationsIn(file, readFileSync(join(root, file), 'utf8'))
    } catch (error) {
      // Listed by git and deleted since.
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
      throw error
    }
  })
  for (const { file, line, message } of violations)
    console.error(`${relative(process.cwd(), join(root, file))}:${line}: ${message}`)
  if (violations.length > 0) process.exitCode = 1
  else console.log(`Imports: ${files.length} files keep the rule.`)
}
