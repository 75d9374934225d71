/**
 * Takes the pictures of the page that the documents show, from the demo with traffic and two
 * changes of its files: `npm run screenshots`. With a time and a folder (`-- 40 /tmp/pictures`) it
 * shows whoever works on the page all of it, at its whole length, empty and without a gateway as
 * well.
 */

import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { Browser, Page } from 'playwright-core'
import { browse } from './chromium.ts'
import { startDemo, traffic } from './demo-traffic.ts'

const [seconds = '150', given] = process.argv.slice(2)
const folder = given ?? fileURLToPath(new URL('../../docs/images/', import.meta.url))
const part = Number(seconds) * 1000
/** The documents show the beginning of the page. */
const HEIGHTS: Readonly<Record<string, number>> = {
  'page-light': 1308,
  'page-dark': 1308,
  'page-narrow': 1100,
}

mkdirSync(folder, { recursive: true })
const demo = await startDemo()
const browser = await browse({ after: () => {} } as unknown as TestContext) // no test: closed below
const done = new AbortController()
try {
  const light = await open(browser, 'light', 1280, 900)
  const dark = await open(browser, 'dark', 1280, 900)
  const narrow = await open(browser, 'light', 390, 844)
  if (given !== undefined) await shoot(light, 'empty')
  const clients = traffic(demo.port, 40, done.signal)
  await sleep(part * 0.45)
  demo.edit('weight: 80', 'weight: 50')
  demo.edit('weight: 20', 'weight: 50')
  await sleep(part * 0.25)
  demo.edit('sourceNamespace', 'sourceNamespce')
  await sleep(part * 0.1)
  demo.edit('sourceNamespce', 'sourceNamespace')
  await sleep(part * 0.2)
  for (const page of [light, dark, narrow]) {
    await page.fill('input[name=from]', '127.0.10.2')
    await page.click('#explain-form button')
    await page.waitForSelector('#answer h3')
  }
  await shoot(light, 'page-light')
  await shoot(dark, 'page-dark')
  await shoot(narrow, 'page-narrow')
  done.abort()
  await clients
  await demo.stop()
  await light.waitForSelector('#gone:not([hidden])')
  await light.evaluate('scrollTo(0, 0)')
  if (given !== undefined) await light.screenshot({ path: join(folder, 'gone.png') })
} finally {
  done.abort()
  await browser.close()
}

async function open(
  from: Browser,
  colorScheme: 'light' | 'dark',
  width: number,
  height: number,
): Promise<Page> {
  const context = await from.newContext({ colorScheme, viewport: { width, height }, reducedMotion: 'reduce' })
  const page = await context.newPage()
  await page.goto(demo.url)
  await page.waitForSelector('#worker-rows tr')
  return page
}

async function shoot(page: Page, name: string): Promise<void> {
  await page.locator('#connections').scrollIntoViewIfNeeded()
  await sleep(2_500) // the connections are looked at while they are on the screen
  await page.evaluate('scrollTo(0, 0)')
  if (given !== undefined) await page.screenshot({ path: join(folder, `${name}.png`), fullPage: true })
  else {
    const { width = 0 } = page.viewportSize() ?? {}
    const clip = { x: 0, y: 0, width, height: HEIGHTS[name] }
    await page.screenshot({ path: join(folder, `${name}.png`), fullPage: true, clip })
  }
}
