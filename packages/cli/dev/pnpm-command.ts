/** The pnpm that runs this, where one does, and else one from npm: as a program with its first arguments. */
export function pnpmCommand(): [string, ...string[]] {
  const { npm_execpath: launcher = '' } = process.env
  if (!launcher.includes('pnpm')) return ['npx', '-y', 'pnpm@12']
  return /\.[cm]?js$/.test(launcher) ? [process.execPath, launcher] : [launcher]
}
