/**
 * The page at / in a real browser: what it shows while connections flow, who can use it, and what
 * it asks for.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Page } from 'playwright-core'
import { ask, routing } from '../control/scene.ts'
import { browse, skip, visit } from '../support/chromium.ts'
import { nameFiles, nameServer } from '../support/name-server.ts'
import { naming } from './names-kit.ts'
import { splitting, times } from './routes-kit.ts'
import { balanced, PROXY_HEADER, type Scene, scene, talking } from './scene.ts'

const urlOf = ({ where }: Scene): string => `http://127.0.0.1:${where.port}/`
const hasText = (page: Page, selector: string, text: string) =>
  page.locator(selector, { hasText: text }).first().waitFor()

test('the page asks its own gateway alone, and neither its policy nor anything else complains', {
  skip,
}, async t => {
  const where = await scene(t, splitting(80, 20))
  const browser = await browse(t)
  await ask(where.port)
  for (const colorScheme of ['light', 'dark'] as const) {
    const { page, requests, complaints } = await visit(browser, urlOf(where), { colorScheme })
    await hasText(page, '#reasons', 'client-closed')
    await hasText(page, '#reasons', 'Both sides ended in order')
    await page.locator('#split-cards canvas').waitFor()
    await page.locator('#connection-rows tr').waitFor()
    await page.locator('#reload-list li').first().waitFor()
    assert.deepEqual(complaints, [])
    assert.deepEqual(
      requests.filter(url => !url.startsWith(urlOf(where))),
      [],
    )
  }
})

test('a changed file is seen on the page: the configured share and the delivered one', { skip }, async t => {
  const where = await scene(t, splitting(80, 20))
  const { port, backend, save } = where
  const { page, complaints } = await visit(await browse(t), urlOf(where))
  const rows = page.locator('.split tbody tr')
  const cells = async (): Promise<string[][]> => [
    await rows.nth(0).locator('th, td').allInnerTexts(),
    await rows.nth(1).locator('th, td').allInnerTexts(),
  ]
  await times(50, () => ask(port))
  await hasText(page, '.split .note', '50 connections since generation 1')
  assert.deepEqual(
    (await cells()).map(row => [row[1], row[2], row[4], row[5]]),
    [
      ['80 %', '80.0 %', '40', '✓ as asked'],
      ['20 %', '20.0 %', '10', '✓ as asked'],
    ],
  )
  const live = await talking(t, port)
  save(splitting(50, 50)(port, backend))
  await hasText(page, '.split tbody', '50 %')
  live.destroy()
  await times(40, () => ask(port))
  await hasText(page, '.split .note', '40 connections since generation 2')
  assert.deepEqual(
    (await cells()).map(row => [row[1], row[2], row[4]]),
    [
      ['50 %', '50.0 %', '20'],
      ['50 %', '50.0 %', '20'],
    ],
  )
  const chart = await page.locator('.split .chart').getAttribute('aria-label')
  assert.match(chart ?? '', /backend should be 50 %, is 50\.0 %; second should be 50 %, is 50\.0 %/)
  await hasText(page, '#facts', 'Generation2')
  await hasText(
    page,
    '#reload-list',
    'default/all tcp[2]: 80 % backend, 20 % second → 50 % backend, 50 % second',
  )
  assert.deepEqual(complaints, [])
})

test('a refused change is shown with its place, and what it says is text', { skip }, async t => {
  const where = await scene(t)
  const { port, backend, save, gateway } = where
  const { page, complaints } = await visit(await browse(t), urlOf(where))
  await page.locator('#reload-list li').first().waitFor()
  save(
    routing(port, backend).replace(
      "hosts: ['*']\n  gateways",
      `hosts: ['*']\n  "<img src=/nothing>": 1\n  gateways`,
    ),
  )
  await hasText(page, '#reload-list', 'Refused')
  await hasText(page, '#reload-list .findings', '<img src=/nothing>')
  const [{ line }] = gateway.history.reloads[0].findings
  await hasText(page, '#reload-list .findings', `a.yaml:${line}:`)
  assert.equal(await page.locator('#reload-list img').count(), 0)
  await hasText(page, '#reload-list', 'generation 1 stays')
  assert.deepEqual(complaints, [])
})

test('the form is asked and answered by keyboard alone', { skip }, async t => {
  const where = await scene(t, splitting(80, 20))
  const { page } = await visit(await browse(t), urlOf(where))
  await page.locator('#gateways option').first().waitFor({ state: 'attached' })
  const focused = (): Promise<string> => page.evaluate('document.activeElement.name ?? ""')
  await page.keyboard.press('Tab')
  assert.equal(await page.evaluate('document.activeElement.className'), 'skip')
  for (let presses = 0; (await focused()) !== 'from'; presses++) {
    assert.ok(presses < 60, 'the form is reached')
    await page.keyboard.press('Tab')
  }
  assert.notEqual(await page.evaluate('getComputedStyle(document.activeElement).outlineStyle'), 'none')
  await page.keyboard.type('127.0.0.2')
  await page.keyboard.press('Enter')
  await hasText(page, '#answer h3', 'Goes by a rule')
  await hasText(page, '#answer', 'default/all tcp[0].match[0]')
  await hasText(page, '#answer', 'a.yaml:')
  await page.keyboard.press('ControlOrMeta+a')
  await page.keyboard.type('127.0.0.3')
  await page.keyboard.press('Enter')
  await hasText(page, '#answer .rejected', 'sourceSubnet')
  await hasText(page, '#answer .destinations', '80 % backend.example:9000')
  await page.keyboard.press('ControlOrMeta+a')
  await page.keyboard.type('nonsense')
  await page.keyboard.press('Enter')
  await hasText(page, '#answer .warn', 'nonsense')
})

test('connections are chosen and paged', { skip }, async t => {
  const where = await scene(t, balanced('127.0.0.10'))
  await times(29, () => talking(t, where.port))
  await talking(t, where.port, '127.0.0.10', PROXY_HEADER)
  await talking(t, where.port, '127.0.0.9')
  const { page } = await visit(await browse(t), urlOf(where))
  const note = (text: string) => hasText(page, '#connections-note', text)
  await note('31 open in all. Shown: the first 25.')
  await page.getByRole('button', { name: 'Next page' }).click()
  await note('Shown: the next 6, and no more')
  await page.getByRole('textbox', { name: 'Client' }).fill('127.0.0.9')
  await page.getByRole('button', { name: 'Show' }).click()
  await note('Shown: the first 1, and no more')
  await hasText(page, '#connection-rows', 'default/all tcp[0]')
  await page.getByRole('textbox', { name: 'Client' }).fill('127.0.0.8')
  await page.getByRole('button', { name: 'Show' }).click()
  await hasText(page, '#connection-rows', 'Nothing that is open is like that.')
  await page.getByRole('textbox', { name: 'Client' }).fill('')
  await page.getByRole('textbox', { name: 'Peer' }).fill('127.0.0.10')
  await page.getByRole('button', { name: 'Show' }).click()
  await hasText(page, '#connection-rows', '192.0.2.7:5001 via 127.0.0.10:')
})

test('a gateway that is silent is told of, and found again', { skip }, async t => {
  const where = await scene(t)
  const { page } = await visit(await browse(t), urlOf(where))
  await hasText(page, '#state', 'Ready')
  await page.context().setOffline(true)
  await hasText(page, '#gone', 'The gateway does not answer, since')
  await hasText(page, '#state', 'No answer')
  await page.context().setOffline(false)
  await page.locator('#gone').waitFor({ state: 'hidden' })
  await hasText(page, '#state', 'Ready')
})

test('one request a second as long as the page can be seen, and none while it cannot', { skip }, async t => {
  const where = await scene(t)
  const context = await (await browse(t)).newContext()
  const page = await context.newPage()
  await page.clock.install()
  let asked = 0
  page.on('request', request => {
    if (request.url().endsWith('/overview')) asked++
  })
  await page.goto(urlOf(where))
  const answered = () => page.waitForResponse(answer => answer.url().endsWith('/overview'))
  await hasText(page, '#state', 'Ready')
  const paused = answered()
  await page.clock.pauseAt(Date.now() + 60_000) // from here on, time is what `runFor` makes of it
  await (await paused).finished()
  for (let second = 0; second < 3; second++) {
    const [before, answer] = [asked, answered()]
    await page.clock.runFor(900)
    assert.equal(asked, before)
    // The second begins once the page has read the answer before, which may be now.
    while (asked === before) await page.clock.runFor(100)
    await (await answer).finished()
    assert.equal(asked, before + 1)
  }
  const hide = (hidden: boolean) =>
    page.evaluate(`Object.defineProperty(document, 'hidden', { value: ${hidden}, configurable: true });
      document.dispatchEvent(new Event('visibilitychange'))`)
  await hide(true)
  const before = asked
  await page.clock.runFor(60_000)
  assert.equal(asked, before)
  const answer = answered()
  await hide(false)
  await answer
})

test('rules show the server names that they ask for, and a name can be asked about', { skip }, async t => {
  const where = await scene(t, naming)
  const { page, complaints } = await visit(await browse(t), urlOf(where))
  await hasText(page, '#rules', 'a.test')
  await hasText(page, '#rules', '*.b.test, c.test')
  for (const [name, answer] of [
    ['x.b.test', 'default/all tls[1].match[0]'],
    ['x.test', 'no rule takes it'],
  ]) {
    await page.locator('#explain-form input[name=sni]').fill(name)
    await page.locator('#explain-form button').click()
    await hasText(page, '#answer', answer)
  }
  assert.deepEqual(complaints, [])
})

test('whoever cannot see it, or sees little, finds their way', { skip }, async t => {
  const where = await scene(t, splitting(80, 20))
  await times(5, () => ask(where.port))
  await talking(t, where.port)
  const browser = await browse(t)
  for (const colorScheme of ['light', 'dark'] as const) {
    const options = { colorScheme, viewport: { width: 390, height: 844 } }
    const { page } = await visit(browser, urlOf(where), options)
    await hasText(page, '#connection-rows', 'default/all')
    await page.locator('#explain-form button').click()
    await hasText(page, '#answer', 'Goes by')
    for (const role of ['banner', 'main', 'navigation', 'contentinfo'] as const)
      assert.equal(await page.getByRole(role).count(), 1, role)
    assert.deepEqual(await page.evaluate(UNTOLD), [], colorScheme)
    assert.deepEqual(await page.evaluate(PALE), [], colorScheme)
    const width = await page.evaluate('document.scrollingElement.scrollWidth')
    assert.ok((width as number) <= 390, `${width} px wide`)
  }
})

/** What has no name, no heading in its order, or no scope. */
const UNTOLD = `(() => {
  const found = []
  const all = selector => [...document.querySelectorAll(selector)]
  for (const each of all('input, select')) if (!each.labels.length) found.push('no label: ' + each.name)
  for (const each of all('table')) if (!each.caption?.textContent) found.push('no caption')
  for (const each of all('thead th')) if (each.scope !== 'col') found.push('no scope: ' + each.textContent)
  for (const each of all('tbody tr:not(.empty) > :first-child'))
    if (each.scope !== 'row') found.push('no row heading: ' + each.textContent)
  for (const each of all('canvas'))
    if (!each.closest('[role=img]')?.getAttribute('aria-label')) found.push('a chart without words')
  for (const each of all('section')) {
    const title = document.getElementById(each.getAttribute('aria-labelledby'))
    if (!title?.textContent && !each.getAttribute('aria-label')) found.push('a section without a name')
  }
  let last = 0
  for (const each of all('h1, h2, h3, h4')) {
    const level = Number(each.tagName[1])
    if (level > last + 1) found.push('a heading too deep: ' + each.textContent)
    last = level
  }
  if (all('h1').length !== 1 || !document.documentElement.lang || !document.title) found.push('no title')
  return found
})()`

/** Texts with less contrast than 4.5 : 1 (WCAG 2.2, 1.4.3). */
const PALE = `(() => {
  const numbers = colour => colour.match(/[\\d.]+/g).map(Number)
  const light = ([r, g, b]) => {
    const [x, y, z] = [r, g, b].map(v => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    return 0.2126 * x + 0.7152 * y + 0.0722 * z
  }
  const paper = element => {
    for (let each = element; each; each = each.parentElement) {
      const colour = numbers(getComputedStyle(each).backgroundColor)
      if (colour.length === 3 || colour[3] === 1) return colour
    }
    return [255, 255, 255]
  }
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT)
  const found = new Set()
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const element = node.parentElement
    if (!node.data.trim() || !element.checkVisibility() || element.tagName === 'NOSCRIPT') continue
    const [a, b] = [light(numbers(getComputedStyle(element).color)), light(paper(element))]
    const contrast = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05)
    if (contrast < 4.5) found.add(contrast.toFixed(2) + ' ' + element.className + ' ' + node.data.trim())
  }
  return [...found]
})()`

test('a DNS name that fails is told beside the endpoints', { skip }, async t => {
  const dns = await nameServer(t)
  const { files } = nameFiles(t, `nameserver ${dns.server}`)
  const byName = (port: number, backend: number): string =>
    routing(port, backend)
      .replace('resolution: STATIC', 'resolution: DNS')
      .replace(/address: 127\.0\.0\.1/, 'address: nobody.test')
  const where = await scene(t, byName, 'auto', { names: files })
  const { page, complaints } = await visit(await browse(t), urlOf(where))
  await hasText(page, '#endpoints-note', '▲ DNS names: nobody.test unresolved (NXDOMAIN).')
  assert.deepEqual(complaints, [])
})

test('policies are shown with what they have done, and a denial is explained', { skip }, async t => {
  const policy = `
---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: who}
spec: {action: DENY, rules: [{from: [{source: {ipBlocks: [127.0.10.0/24]}}]}]}
`
  const where = await scene(t, (port, backend) => {
    const limited = 'metadata: {annotations: {gateway.weir/per-source: connections=9}, name: edge}'
    return routing(port, backend).replace('metadata: {name: edge}', limited) + policy
  })
  assert.equal(await ask(where.port, '127.0.0.1', '127.0.10.1'), '')
  const { page, complaints } = await visit(await browse(t), urlOf(where))
  await hasText(page, '#policy-rows tr', 'default/who')
  assert.deepEqual((await page.locator('#policy-rows td').allInnerTexts()).slice(0, 2), [
    'DENY',
    'from ipBlocks 127.0.10.0/24',
  ])
  await hasText(page, '#policy-rows', 'default/edge')
  await hasText(page, '#policy-rows', '1 denied')
  await hasText(page, '#limit-list', 'each source: 9 connections')
  await page.locator('input[name=from]').fill('127.0.10.7')
  await page.locator('#explain-form button').click()
  await hasText(page, '#answer h3', 'a policy denies it')
  await hasText(page, '#answer', 'denied by default/who rules[0]')
  assert.deepEqual(complaints, [])
})
