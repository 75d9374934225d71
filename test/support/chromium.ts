/**
 * A real browser for tests of pages: Debian's Chromium, without a window. Its headless shell, which
 * has nothing of what surrounds a page, takes half the CPU time.
 */

import { existsSync } from 'node:fs'
import { after, type TestContext } from 'node:test'
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core'

const PROGRAMS = [
  '/usr/bin/chromium-headless-shell',
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
]
const program = PROGRAMS.find(existsSync)

/** For `test(name, { skip }, …)`: what is missing, or false. */
export const skip: string | false = program
  ? false
  : 'needs Chromium: apt-get install chromium-headless-shell'

let launched: Promise<Browser> | null = null
after(async () => (await launched)?.close())

/**
 * One for all tests of a file: starting it takes longer than most of them. What a test opens in it
 * ends with the test.
 */
export async function browse(t: TestContext): Promise<Browser> {
  launched ??= chromium.launch({
    executablePath: program as string,
    args: [
      '--host-resolver-rules=MAP *.test 127.0.0.1',
      // As root, as in a container, Chromium's own sandbox refuses to start.
      ...(process.getuid?.() === 0 ? ['--no-sandbox'] : []),
    ],
  })
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
