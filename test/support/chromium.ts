/** A real browser for tests of pages. */

import { after, type TestContext } from 'node:test'
import type { Browser, BrowserContextOptions, Page } from 'playwright-core'
import { launch } from './chromium-program.ts'

export { skip } from './chromium-program.ts'

let launched: Promise<Browser> | null = null
after(async () => (await launched)?.close())

/**
 * One for all tests of a file: starting it takes longer than most of them. What a test opens in it
 * ends with the test.
 */
export async function browse(t: TestContext): Promise<Browser> {
  launched ??= launch()
  const browser = await launched
  t.after(() => Promise.all(browser.contexts().map(context => context.close())))
  return browser
}

/** A page, and what it asked for and complained of. */
export type Visit = { readonly page: Page; readonly requests: string[]; readonly complaints: string[] }

export async function visit(
  browser: Browser,
  url: string,
  options: BrowserContextOptions = {},
): Promise<Visit> {
  const context = await browser.newContext(options)
  const page = await context.newPage()
  const requests: string[] = []
  const complaints: string[] = []
  page.on('request', request => requests.push(request.url()))
  page.on('pageerror', error => complaints.push(error.message))
  page.on('console', message => {
    if (message.type() === 'error' || message.type() === 'warning') complaints.push(message.text())
  })
  await page.goto(url)
  return { page, requests, complaints }
}
