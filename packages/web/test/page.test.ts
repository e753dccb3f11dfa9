/** The page in a real browser against the fake server: found by the roles and names that are promised to stay. */
import type { Browser } from 'playwright-core'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import {
  balance,
  buildPage,
  chromiumPath,
  descriptionOf,
  howToInstall,
  launch,
  naturalSize,
  order,
  overhang,
  signIn,
  violations,
  visit,
  type Visit,
} from './browser.ts'
import { paint } from './fake-picture.ts'

const isRequired = process.env['SAFELIGHT_REQUIRE_BROWSER'] === '1'
const name = chromiumPath || isRequired ? 'the page' : `the page (${howToInstall})`

/** Waits until it is so. */
const soon = <Value>(look: () => Value) => expect.poll(look, { timeout: 10_000, interval: 50 })

// Skipped only where there is no Chromium; SAFELIGHT_REQUIRE_BROWSER=1 makes that a failure with the same sentence.
describe.skipIf(!chromiumPath && !isRequired)(name, { timeout: 60_000 }, () => {
  let browser: Browser
  let built: Awaited<ReturnType<typeof buildPage>>
  let open: Visit | undefined

  beforeAll(async () => {
    browser = await launch()
    built = await buildPage()
  }, 60_000)
  afterAll(async () => {
    await browser?.close()
    await built?.remove()
  })
  afterEach(async () => {
    const faults = open?.faults
    await open?.leave()
    open = undefined
    expect(faults ?? []).toEqual([])
  })

  async function enter(options: Parameters<typeof visit>[2] = {}): Promise<Visit> {
    open = await visit(browser, built.dist, options)
    await signIn(open.page)
    return open
  }

  describe('an image', () => {
    it('is priced, ordered, watched, shown and entered in the ledger', async () => {
      const { page } = await enter()
      const button = page.getByRole('button', { name: 'Generate · 500 credits' })
      expect(await balance(page)).toBe('3 000 credits')
      expect(await button.isDisabled()).toBe(true)
      expect(await descriptionOf(button)).toBe('Write what the picture should show.')
      expect(
        await descriptionOf(page.getByRole('radiogroup', { name: 'Size' }).getByRole('radio', { name: 'Portrait' })),
      ).toBe('768 × 1152')
      await page.getByRole('radio', { name: 'Portrait' }).check()
      await page.getByRole('textbox', { name: 'Prompt' }).fill('a red fox in snow')
      expect(await descriptionOf(button)).toBe('3 000 → 2 500 after')

      const card = await order(page, 'a red fox in snow')
      await card.getByRole('progressbar').waitFor()
      await soon(() => card.getByRole('progressbar').getAttribute('aria-valuetext')).toMatch(/line|Developing/)
      const picture = card.getByRole('img', { name: 'a red fox in snow' })
      expect(await naturalSize(picture)).toEqual([768, 1152])
      expect([await picture.getAttribute('width'), await picture.getAttribute('height')]).toEqual(['768', '1152'])
      expect(await card.getByRole('progressbar').count()).toBe(0)
      expect(await balance(page)).toBe('2 500 credits')
      expect(await page.getByRole('article').count()).toBe(1)

      await page.getByRole('link', { name: 'Account' }).click()
      const rows = page.getByRole('table', { name: 'Ledger' }).getByRole('row')
      await soon(() => rows.count()).toBe(3)
      expect(await rows.nth(1).textContent()).toMatch(/Charge.*a red fox in snow.*-500.*2\s500/)
      expect(await rows.nth(2).textContent()).toMatch(/Grant.*\+3\s000.*3\s000/)
      expect(await page.getByText('9 of 10 left this minute').isVisible()).toBe(true)
    })

    it('keeps its place: nothing on the page moves when the picture arrives', async () => {
      const { page } = await enter()
      const card = await order(page, 'a still pond')
      const sheet = () => card.locator('.sheet').first().boundingBox()
      const before = await sheet()
      await card.getByRole('img', { name: 'a still pond' }).waitFor()
      expect(await sheet()).toEqual(before)
    })

    it('is ordered by Ctrl+Enter, by number, and with its seed', async () => {
      const { page, fake } = await enter()
      await page.getByRole('button', { name: 'More' }).click()
      await page.getByRole('textbox', { name: 'Seed' }).fill('42')
      expect(await page.getByRole('button', { name: /^Generate · 1\s000 credits$/ }).isVisible()).toBe(true)
      await page.getByRole('textbox', { name: 'Prompt' }).fill('two boats')
      await page.getByRole('textbox', { name: 'Seed' }).press('Enter')
      await page.keyboard.press('Control+Enter')
      await page.getByRole('img', { name: 'two boats (2 of 2)' }).waitFor()
      expect(JSON.parse(fake.posts[0]?.body ?? '')).toEqual({
        model: 'demo-image',
        input: { prompt: 'two boats', size: 'square', count: 2, seed: 42 },
      })
    })
  })

  it('edits a picture that was put in', async () => {
    const { page } = await enter()
    await page.getByRole('tab', { name: 'Edit' }).click()
    const button = page.getByRole('button', { name: /^Generate · 1\s000 credits$/ })
    expect(await descriptionOf(button)).toBe('Add the picture that you want to edit.')
    const input = page.getByLabel('Image', { exact: true }).and(page.locator('input[type=file]'))
    await input.setInputFiles({ name: 'notes.png', mimeType: 'image/png', buffer: Buffer.from('only words') })
    expect(await page.getByRole('alert').textContent()).toBe('Only PNG, JPEG, WebP and AVIF pictures can go in.')
    await input.setInputFiles({ name: 'in.png', mimeType: 'image/png', buffer: paint(300, 200, 'in') })
    await page.getByRole('img', { name: 'The picture that goes in' }).waitFor()
    const card = await order(page, 'make it night')
    await card.getByRole('img', { name: 'make it night' }).waitFor()
    expect(await balance(page)).toBe('2 000 credits')
  })

  it('makes a clip of the length and style that were chosen, and Chromium plays it', async () => {
    const { page, fake } = await enter()
    await page.getByRole('tab', { name: 'Video' }).click()
    await page.getByRole('radiogroup', { name: 'Duration' }).getByRole('radio', { name: '5 s' }).check()
    await page.getByRole('radiogroup', { name: 'Style' }).getByRole('radio', { name: 'Elite' }).check()
    expect(await page.getByRole('button', { name: /^Generate · 3\s000 credits$/ }).count()).toBe(1)
    const card = await order(page, 'waves')
    const clip = card.locator('video')
    await clip.evaluate((video: HTMLVideoElement) => video.play())
    await soon(() => clip.evaluate((video: HTMLVideoElement) => video.currentTime)).toBeGreaterThan(0.1)
    expect(JSON.parse(fake.posts[0]?.body ?? '').input).toMatchObject({ duration: 5, style: 'elite' })
  })

  describe('what goes wrong', () => {
    it('says what came back when a job fails, and tries again as a new order', async () => {
      const { page, fake } = await enter()
      const card = await order(page, 'a storm #fail')
      const alert = card.getByRole('alert')
      await soon(() => alert.textContent()).toBe('The provider could not finish the job.500 credits are back.')
      await soon(() => balance(page)).toBe('3 000 credits')
      await card.getByRole('button', { name: 'Try again' }).click()
      await soon(() => page.getByRole('article').count()).toBe(2)
      await soon(() => fake.posts.length).toBe(2)
      expect(new Set(fake.posts.map(({ key }) => key)).size).toBe(2)
    })

    it('takes a double click for one press', async () => {
      const { page, fake } = await enter()
      await page.getByRole('textbox', { name: 'Prompt' }).fill('once')
      await page.getByRole('button', { name: /^Generate/ }).dblclick()
      await page.getByRole('article', { name: 'once' }).getByRole('img', { name: 'once' }).waitFor()
      expect(fake.posts).toHaveLength(1)
    })

    it('cancels, and shows the refund', async () => {
      const { page } = await enter()
      const card = await order(page, 'a long road #hang')
      await soon(() => balance(page)).toBe('2 500 credits')
      await card.getByRole('button', { name: 'Cancel' }).click()
      await card.getByText('500 credits are back.').waitFor()
      await soon(() => balance(page)).toBe('3 000 credits')
    })

    it('sends a press again under the same key when the answer was lost, and pays once', async () => {
      const { page, fake } = await enter()
      fake.faults.push({ path: '/api/jobs', method: 'POST', times: 1, answer: 'hang up', worked: true })
      const card = await order(page, 'one fox only')
      await card.getByRole('img', { name: 'one fox only' }).waitFor()
      expect(fake.posts).toHaveLength(2)
      expect(fake.posts[0]).toEqual(fake.posts[1])
      expect(fake.posts[0]?.key).toMatch(/^[0-9a-f-]{36}$/)
      expect(await page.getByRole('article').count()).toBe(1)
      expect(await balance(page)).toBe('2 500 credits')
    })

    it('counts down when the limit is reached, and then sends the same press', async () => {
      const { page, fake } = await enter()
      const problem = { code: 'rate_limited', detail: 'You can start 10 jobs a minute.', retryAfterSeconds: 2 }
      fake.faults.push({ path: '/api/jobs', method: 'POST', times: 1, answer: { status: 429, problem } })
      const card = await order(page, 'one too many')
      await soon(() => card.getByRole('alert').textContent()).toBe(
        'You can start 10 jobs a minute. Nothing was charged.',
      )
      expect(await card.getByRole('button', { name: /Try again in \d s/ }).isDisabled()).toBe(true)
      await card.getByRole('button', { name: 'Try again', exact: true }).click()
      await card.getByRole('img', { name: 'one too many' }).waitFor()
    })

    it('says before the press when the minute is used up or the credits are short', async () => {
      const { page, fake } = await enter()
      fake.studio.admittedAt = Array.from({ length: 10 }, () => Date.now())
      await order(page, 'the eleventh')
      const button = page.getByRole('button', { name: /^Generate/ })
      await soon(() => descriptionOf(button)).toMatch(
        /^You have used all 10 jobs of this minute\. The next is free in [\d\w ]+\.$/,
      )
      fake.studio.admittedAt = []
      fake.studio.balance = 499
      await page.reload()
      await soon(() => descriptionOf(button)).toBe('This costs 500 credits, and you have 499.')
      expect(await button.isDisabled()).toBe(true)
    })

    it.each([
      [
        402,
        { code: 'insufficient_credits', price: 500, balance: 120, detail: '' },
        'This costs 500 credits, and you have 120. Nothing was charged.',
      ],
      [500, { code: 'internal', detail: '' }, 'Something went wrong on our side. Nothing was charged.'],
      [
        503,
        { code: 'closed', detail: 'Generation is switched off for now.' },
        'Generation is switched off for now. Nothing was charged.',
      ],
    ])('explains a refusal with %i in words', async (status, problem, sentence) => {
      const { page, fake } = await enter()
      fake.faults.push({ path: '/api/jobs', method: 'POST', times: 1, answer: { status, problem } })
      const card = await order(page, 'refused')
      await soon(() => card.getByRole('alert').textContent()).toBe(sentence)
      await card.getByRole('button', { name: 'Dismiss' }).click()
      await soon(() => page.getByRole('article').count()).toBe(0)
    })

    it('offers to try again where a view cannot be loaded', async () => {
      const { page, fake } = await enter()
      fake.faults.push({
        path: '/api/media',
        times: 1,
        answer: { status: 500, problem: { code: 'internal', detail: '' } },
      })
      await page.getByRole('link', { name: 'Gallery' }).click()
      await soon(() => page.getByRole('alert').textContent()).toMatch('The gallery could not be loaded.')
      await page.getByRole('button', { name: 'Try again' }).click()
      await page.getByText('No pictures here yet').waitFor()
    })

    it('goes back to signing in when the session is over', async () => {
      const { page } = await enter()
      await page.context().clearCookies()
      await page.getByRole('link', { name: 'Gallery' }).click()
      await page.getByRole('button', { name: 'Continue locally' }).waitFor()
    })
  })

  describe('news', () => {
    it('comes by one stream, which resumes after the last event it had', async () => {
      const { page, fake } = await enter()
      const card = await order(page, 'a slow dawn #seconds=4')
      await soon(() => card.getByRole('progressbar').getAttribute('aria-valuetext')).toMatch(/25 %/)
      expect(fake.streams).toHaveLength(1)
      fake.streams[0]?.close()
      await soon(() => fake.streams[0]?.lastEventId).toMatch(/^[0-9a-f-]{36}:\d+$/)
      await card.getByRole('img', { name: 'a slow dawn #seconds=4' }).waitFor()
    })

    it('comes by asking where there is no stream', async () => {
      open = await visit(browser, built.dist)
      open.fake.streamsRefused = true
      await signIn(open.page)
      const card = await order(open.page, 'asked for')
      await card.getByRole('img', { name: 'asked for' }).waitFor()
      await order(open.page, 'asked for #fail')
      await soon(() => open && balance(open.page)).toBe('2 000 credits')
      await soon(() => open && balance(open.page)).toBe('2 500 credits')
    })

    it('goes on after a reload in mid-job, with the draft still there', async () => {
      const { page } = await enter()
      await order(page, 'a slow dawn #seconds=3')
      await page.reload()
      const card = page.getByRole('article', { name: 'a slow dawn #seconds=3' })
      await card.getByRole('progressbar').waitFor()
      expect(await page.getByRole('textbox', { name: 'Prompt' }).inputValue()).toBe('a slow dawn #seconds=3')
      await card.getByRole('img', { name: 'a slow dawn #seconds=3' }).waitFor()
    })

    it('reaches a second tab', async () => {
      const { page, fake } = await enter()
      const second = await page.context().newPage()
      await second.goto(fake.url)
      await second.getByText('Nothing in the tray yet').waitFor()
      await order(page, 'seen twice')
      await second.getByRole('article', { name: 'seen twice' }).getByRole('img', { name: 'seen twice' }).waitFor()
      await soon(() => balance(second)).toBe('2 500 credits')
    })

    it('says when nobody answers, and catches up by itself', async () => {
      const { page, fake } = await enter()
      const card = await order(page, 'through the tunnel #seconds=3')
      await card.getByText('number 1 in line').waitFor()
      await page.context().setOffline(true)
      await page.getByText('You are offline.').waitFor()
      expect(await descriptionOf(page.getByRole('button', { name: /^Generate/ }))).toMatch(
        /^The server does not answer/,
      )
      await soon(() => fake.studio.jobs[0]?.state).toBe('succeeded')
      await page.context().setOffline(false)
      await card.getByRole('img', { name: 'through the tunnel #seconds=3' }).waitFor()
      await soon(() => page.getByText('You are offline.').count()).toBe(0)
    })
  })

  describe('the gallery', () => {
    it('pages, and its viewer turns, saves, deletes and takes it back', async () => {
      const { page, fake } = await enter()
      const { studio } = fake
      for (let index = 0; index < 31; index += 1) {
        studio.add(paint(60, 40, String(index)), {
          kind: 'image',
          index,
          width: 60,
          height: 40,
          jobId: null,
          contentType: 'image/png',
          durationSeconds: null,
        })
      }
      await page.getByRole('link', { name: 'Gallery' }).click()
      const tiles = page.getByRole('main').getByRole('listitem').getByRole('img')
      await soon(() => tiles.count()).toBe(30)
      await page.getByRole('button', { name: 'Show more' }).click()
      await soon(() => tiles.count()).toBe(31)
      expect(await page.getByRole('button', { name: 'Show more' }).count()).toBe(0)

      await tiles.first().click()
      const viewer = page.getByRole('dialog', { name: 'Viewer' })
      const shown = () => viewer.getByRole('img').getAttribute('src')
      await soon(shown).toBe(studio.media[0]?.url)
      await page.keyboard.press('ArrowRight')
      await soon(shown).toBe(studio.media[1]?.url)
      await page.keyboard.press('ArrowLeft')
      await soon(shown).toBe(studio.media[0]?.url)
      expect(await viewer.getByRole('link', { name: 'Download' }).getAttribute('href')).toBe(
        `${studio.media[0]?.url}?download=1`,
      )
      expect(await violations(page)).toEqual([])

      await viewer.getByRole('button', { name: 'Save' }).click()
      await soon(() => studio.media[0]?.saved).toBe(true)
      const deleted = studio.media[0]
      await viewer.getByRole('button', { name: 'Delete' }).click()
      await soon(shown).toBe(studio.media[0]?.url)
      expect(studio.media).not.toContain(deleted)
      await viewer.getByRole('button', { name: 'Undo' }).click()
      await soon(() => studio.media).toContain(deleted)
      await page.keyboard.press('Escape')
      await soon(() => viewer.count()).toBe(0)
      await page.getByRole('radio', { name: 'Saved' }).check()
      await soon(() => page.getByRole('main').getByRole('listitem').getByRole('link').count()).toBe(1)
    })

    it('names its pictures by their prompts, and opens one by its address', async () => {
      const { page, fake } = await enter()
      const card = await order(page, 'a lone pine')
      await card.getByRole('img', { name: 'a lone pine' }).waitFor()
      await page.goto(`${fake.url}/#/gallery/${fake.studio.media[0]?.id}`)
      await page.getByRole('dialog').getByRole('heading', { name: 'a lone pine' }).waitFor()
      await page.getByRole('button', { name: 'Close' }).click()
      await page.getByRole('main').getByRole('img', { name: 'a lone pine' }).waitFor()
    })
  })

  describe.each([
    { width: 1280, colorScheme: 'dark' },
    { width: 360, colorScheme: 'light' },
  ] as const)('at $width px, $colorScheme', ({ width, colorScheme }) => {
    it('fits and has nothing that axe finds, in every view', async () => {
      open = await visit(browser, built.dist, { viewport: { width, height: 780 }, colorScheme })
      const { page } = open
      const look = async () => ({ overhang: await overhang(page), violations: await violations(page) })
      const fine = { overhang: 0, violations: [] }
      await page.getByRole('button', { name: 'Continue locally' }).waitFor()
      expect(await look()).toEqual(fine)
      await signIn(page)
      expect(await look()).toEqual(fine)
      const long = `${'Donaudampfschifffahrtsgesellschaft'.repeat(4)} #fail`
      const failed = await order(page, long)
      await failed.getByRole('alert').waitFor()
      const done = await order(page, 'a red fox')
      await done.getByRole('img', { name: 'a red fox' }).waitFor()
      await order(page, 'it never ends #hang')
      expect(await look()).toEqual(fine)
      for (const kind of ['Edit', 'Video']) {
        await page.getByRole('tab', { name: kind }).click()
        await page.getByRole('radio', { name: `Demo ${kind.toLowerCase()}` }).waitFor()
        expect(await look()).toEqual(fine)
      }
      await page.getByRole('link', { name: 'Gallery' }).click()
      await page.getByRole('img', { name: 'a red fox' }).waitFor()
      expect(await look()).toEqual(fine)
      await page.getByRole('link', { name: 'Account' }).click()
      await page.getByRole('cell', { name: /a red fox/ }).waitFor()
      expect(await look()).toEqual(fine)
    })
  })

  it('lets people in with e-mail and password where that is the way', async () => {
    open = await visit(browser, built.dist, { viewport: { width: 360, height: 780 } })
    const { page, fake } = open
    fake.methods = ['email']
    await page.reload()
    const email = page.getByRole('textbox', { name: 'Email' })
    const password = page.getByRole('textbox', { name: 'Password' })
    await email.waitFor()
    expect(await page.getByRole('button', { name: 'Continue locally' }).count()).toBe(0)
    expect([await overhang(page), await violations(page)]).toEqual([0, []])

    await email.fill('ann@example.com')
    await password.fill('wrong')
    await page.getByRole('button', { name: 'Sign in' }).click()
    await soon(() => page.getByRole('alert').textContent()).toBe('That does not match.')
    expect(await violations(page)).toEqual([])

    await page.getByRole('button', { name: 'Create an account instead' }).click()
    expect(await page.getByRole('alert').count()).toBe(0)
    await email.fill('known@example.com')
    await page.getByRole('button', { name: 'Create account' }).click()
    await soon(() => page.getByRole('alert').textContent()).toBe('This e-mail has an account already: sign in with it.')
    await email.fill('ann@example.com')
    await page.getByRole('button', { name: 'Create account' }).click()
    await soon(() => page.getByRole('status').textContent()).toBe('Follow the link in the e-mail.')

    await password.fill('right')
    await password.press('Enter')
    await page.getByRole('textbox', { name: 'Prompt' }).waitFor()
    await page.reload()
    await page.getByRole('textbox', { name: 'Prompt' }).waitFor()
    await page.getByRole('link', { name: 'Account' }).click()
    await page.getByRole('button', { name: 'Sign out' }).click()
    await email.waitFor()
  })

  it('remembers the theme that was chosen, and signs out', async () => {
    const { page } = await enter({ colorScheme: 'light' })
    const ground = () => page.evaluate(() => getComputedStyle(document.documentElement).backgroundColor)
    const light = await ground()
    await page.getByRole('button', { name: 'Theme: as the system' }).click()
    await page.getByRole('button', { name: 'Theme: dark' }).waitFor()
    const dark = await ground()
    expect(dark).not.toBe(light)
    await page.reload()
    await page.getByRole('button', { name: 'Theme: dark' }).waitFor()
    expect(await ground()).toBe(dark)
    await page.getByRole('link', { name: 'Account' }).click()
    await page.getByRole('button', { name: 'Sign out' }).click()
    await page.getByRole('button', { name: 'Continue locally' }).waitFor()
    await page.reload()
    await page.getByRole('button', { name: 'Continue locally' }).waitFor()
  })
})
