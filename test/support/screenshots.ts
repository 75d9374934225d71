/**
 * Takes the pictures of the page that the documents show, from the demo with traffic and two
 * changes of its files, and from 10 000 rules: `npm run screenshots`. With a time and a folder
 * (`-- 40 /tmp/pictures`) it shows whoever works on the page every view at its whole length, with
 * 200 rules, empty and without a gateway as well.
 */

import { execFileSync } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { Browser, Page, PageScreenshotOptions } from 'playwright-core'
import { launch, skip } from './chromium-program.ts'
import { CROWD_CLIENTS, crowd } from './crowd.ts'
import { startDemo, traffic } from './demo-traffic.ts'

const [seconds = '150', given] = process.argv.slice(2)
const folder = given ?? fileURLToPath(new URL('../../docs/images/', import.meta.url))
const part = Number(seconds) * 1000
const RULE = '#/rule?rule=default/echo+tcp[2]'
const VIEWS: Record<string, string> = {
  overview: '#/',
  rules: '#/rules',
  'rules-none': '#/rules?q=nothing',
  rule: RULE,
  'rule-gone': '#/rule?rule=default/echo+tcp[9]',
  endpoints: '#/endpoints',
  connections: '#/connections',
  ended: '#/connections?ended=1',
  refused: '#/connections?client=nonsense',
  listeners: '#/listeners',
  certificates: '#/certificates',
  policies: '#/policies',
  explain: '#/explain',
  reloads: '#/reloads',
}
/** What the documents show: a view, and how much of it. */
const SHOWN = { overview: ['#/', 1000], rule: [RULE, 1290] } as const
const MANY = 10_000

/** The page's first choice: with another font the documents' pictures would all change. */
const FONT = 'Inter'
if (skip) throw new Error(skip)
if (!execFileSync('fc-match', [FONT], { encoding: 'utf8' }).includes(FONT))
  throw new Error(`needs the font ${FONT}: apt-get install fonts-inter`)

/** Whether the busiest rule has no rates yet, which are of two answers. */
const LACKS_RATES = "document.querySelector('#main tbody tr')?.textContent.includes('–') !== false"

mkdirSync(folder, { recursive: true })
tell(`pictures of the demo for ${folder}: traffic and two changes of its files first, ${seconds} s`)
const demo = await startDemo()
const browser = await launch()
const done = new AbortController()
try {
  const light = await open(browser, 'light', 1280, 900)
  const dark = await open(browser, 'dark', 1280, 900)
  const narrow = await open(browser, 'light', 390, 844)
  if (given !== undefined) await whole(light, 'empty')
  const clients = traffic(demo.port, 40, done.signal)
  await sleep(part * 0.45)
  demo.edit('weight: 80', 'weight: 50')
  demo.edit('weight: 20', 'weight: 50')
  await sleep(part * 0.25)
  demo.edit('sourceNamespace', 'sourceNamespce')
  await sleep(part * 0.1)
  demo.edit('sourceNamespce', 'sourceNamespace')
  await sleep(part * 0.2)
  if (given === undefined) {
    for (const [name, [address, height]] of Object.entries(SHOWN)) {
      await shown(light, `page-${name}`, address, height)
      await shown(dark, `page-${name}-dark`, address, height)
    }
    await shown(narrow, 'page-narrow', '#/', 1100)
  } else {
    VIEWS.explained = `#/explain?gateway=default/ingressgateway-1&from=127.0.10.3&to=127.0.0.1:${demo.port}`
    for (const [prefix, page] of [
      ['', light],
      ['dark-', dark],
      ['narrow-', narrow],
    ] as const)
      for (const [name, address] of Object.entries(VIEWS)) {
        await goTo(page, address)
        await whole(page, `${prefix}${name}`)
      }
  }
  done.abort()
  await clients
  await demo.stop()
  await light.waitForSelector('#gone:not([hidden])')
  await light.evaluate('scrollTo(0, 0)')
  if (given !== undefined) await taken(light, 'gone', {})
  await ofMany(given === undefined ? [MANY] : [200, MANY])
} finally {
  done.abort()
  await demo.stop()
  await browser.close()
}

function tell(text: string): void {
  process.stdout.write(`${text}\n`)
}

/** The list of rules, where there are many. */
async function ofMany(counts: readonly number[]): Promise<void> {
  for (const count of counts) {
    tell(`${count} rules`)
    const many = await startDemo(crowd(count))
    const over = new AbortController()
    const clients = traffic(many.port, 40, over.signal, CROWD_CLIENTS)
    try {
      for (const [scheme, suffix] of [
        ['light', ''],
        ['dark', '-dark'],
      ] as const) {
        const page = await open(browser, scheme, 1280, 900, many.url)
        await sleep(part * 0.1)
        await goTo(page, '#/rules?order=hits')
        while (await page.evaluate(LACKS_RATES)) await sleep(100)
        const name = given === undefined ? `page-rules${suffix}` : `${count}-rules${suffix}`
        await taken(page, name, { clip: { x: 0, y: 0, width: 1280, height: 760 } })
        if (given !== undefined) {
          await goTo(page, '#/')
          await whole(page, `${count}-overview${suffix}`)
        }
      }
    } finally {
      over.abort()
      await clients
      await many.stop()
    }
  }
}

async function open(
  from: Browser,
  colorScheme: 'light' | 'dark',
  width: number,
  height: number,
  url = demo.url,
): Promise<Page> {
  const context = await from.newContext({ colorScheme, viewport: { width, height }, reducedMotion: 'reduce' })
  const page = await context.newPage()
  page.on('pageerror', error => console.error(error))
  watchForGaps(page)
  await page.goto(url)
  await page.waitForSelector('#workers tbody tr')
  return page
}

/** Charts have gaps where the page had no answer for 5 s (history.js): a busy machine. */
function watchForGaps(page: Page): void {
  let lastMs = Number.POSITIVE_INFINITY
  page.on('response', answer => {
    if (!answer.url().endsWith('/overview')) return
    const nowMs = performance.now()
    if (nowMs - lastMs > 5_000) tell('  the machine is busy: charts have gaps; take the pictures again')
    lastMs = nowMs
  })
}

/** Within the page, so that what it has seen so far stays. */
async function goTo(page: Page, address: string): Promise<void> {
  await page.evaluate(`location.hash = ${JSON.stringify(address)}`)
  await page.waitForSelector('#main > :not(.loading)')
  await sleep(given === undefined ? 3_500 : 1_500) // rates are of two answers
}

async function whole(page: Page, name: string): Promise<void> {
  await taken(page, name, { fullPage: true })
}

async function shown(page: Page, name: string, address: string, height: number): Promise<void> {
  await goTo(page, address)
  const { width = 0 } = page.viewportSize() ?? {}
  const clip = { x: 0, y: 0, width, height }
  await taken(page, name, { fullPage: true, clip })
}

async function taken(page: Page, name: string, options: PageScreenshotOptions): Promise<void> {
  await page.screenshot({ ...options, path: join(folder, `${name}.png`) })
  tell(`  ${name}.png`)
}
