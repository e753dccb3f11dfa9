/** The page in a real Chromium, with helpers that look at it the way people and screen readers do. */
import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { AxeBuilder } from '@axe-core/playwright'
import { chromium, type Browser, type BrowserContextOptions, type Locator, type Page } from 'playwright-core'
import { build } from 'vite'
import { startFake, type Fake } from './fake-server.ts'

const CANDIDATES = [
  process.env['CHROMIUM_PATH'],
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
]
export const chromiumPath = CANDIDATES.find(path => path && existsSync(path))
export const howToInstall =
  'no Chromium here: install it (Debian: apt-get install chromium) or name it in CHROMIUM_PATH'

const ARGUMENTS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--no-first-run',
]

/** Builds the page as it is shipped into a directory of its own. */
export async function buildPage(): Promise<{ dist: string; remove(): Promise<void> }> {
  const dist = await mkdtemp(join(tmpdir(), 'safelight-page-'))
  const root = join(import.meta.dirname, '..')
  const before = process.env['NODE_ENV']
  process.env['NODE_ENV'] = 'production'
  try {
    await build({
      root,
      configFile: join(root, 'vite.config.ts'),
      logLevel: 'error',
      build: { outDir: dist, emptyOutDir: true },
    })
  } finally {
    process.env['NODE_ENV'] = before
  }
  return { dist, remove: () => rm(dist, { recursive: true, force: true }) }
}

export function launch(): Promise<Browser> {
  if (!chromiumPath) throw new Error(howToInstall)
  return chromium.launch({ executablePath: chromiumPath, args: ARGUMENTS })
}

export interface Visit {
  page: Page
  fake: Fake
  /** What went wrong in the page itself: exceptions, and what its policy forbade. */
  faults: string[]
  leave(): Promise<void>
}

export async function visit(
  browser: Browser,
  dist: string,
  options: BrowserContextOptions & { paceMilliseconds?: number } = {},
): Promise<Visit> {
  const { paceMilliseconds, ...context } = options
  const fake = await startFake(dist, paceMilliseconds)
  const room = await browser.newContext({ viewport: { width: 1280, height: 860 }, reducedMotion: 'reduce', ...context })
  const page = await room.newPage()
  page.setDefaultTimeout(10_000)
  const faults: string[] = []
  page.on('pageerror', error => faults.push(error.message))
  page.on('console', message => {
    if (/content security policy/i.test(message.text())) faults.push(message.text())
  })
  await page.goto(fake.url)
  const leave = async () => {
    await room.close()
    await fake.close()
  }
  return { page, fake, faults, leave }
}

export async function signIn(page: Page): Promise<void> {
  await page.getByRole('button', { name: 'Continue locally' }).click()
  await page.getByRole('textbox', { name: 'Prompt' }).waitFor()
}

export async function order(page: Page, prompt: string): Promise<Locator> {
  await page.getByRole('textbox', { name: 'Prompt' }).fill(prompt)
  await page.getByRole('button', { name: /^Generate/ }).click()
  const card = page.getByRole('article', { name: prompt })
  await card.first().waitFor()
  return card.first()
}

export async function balance(page: Page): Promise<string> {
  const said = await page.getByRole('status', { name: 'Balance' }).textContent()
  return (said ?? '').replace(/\s/g, ' ')
}

/** What `aria-describedby` points at, in words. */
export function descriptionOf(locator: Locator): Promise<string> {
  return locator.evaluate(element =>
    (element.getAttribute('aria-describedby') ?? '')
      .split(' ')
      .map(id => document.getElementById(id)?.textContent ?? '')
      .join(' ')
      .replace(/\s+/g, ' '),
  )
}

/** What axe finds, as lines one can act on. */
export async function violations(page: Page): Promise<string[]> {
  const found = await new AxeBuilder({ page }).analyze()
  return found.violations.flatMap(({ id, nodes }) => nodes.map(node => `${id}: ${node.target.join(' ')}`))
}

/** By how many pixels the page is wider than its window. */
export function overhang(page: Page): Promise<number> {
  return page.evaluate(() => Math.max(0, document.documentElement.scrollWidth - window.innerWidth))
}

/** The pixels of the picture itself, once it has arrived. */
export function naturalSize(image: Locator): Promise<[number, number]> {
  return image.evaluate(async element => {
    const picture = element as HTMLImageElement
    await picture.decode()
    return [picture.naturalWidth, picture.naturalHeight]
  })
}
