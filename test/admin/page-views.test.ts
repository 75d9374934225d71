/**
 * Each view of the page in a real browser: what it shows, who can use it, and that its address is
 * all it needs; with 10 rules, and in `npm run test:full` also with 200 and 10 000.
 */

import assert from 'node:assert/strict'
import { after, type TestContext, test } from 'node:test'
import { ask } from '../control/scene.ts'
import { browse, skip, visit } from '../support/chromium.ts'
import { fullOnly } from '../support/full.ts'
import { furnished, goTo, hasText, outside, urlOf, VIEWS, violations } from './page-kit.ts'
import { times } from './routes-kit.ts'
import { type Scene, scene, talking } from './scene.ts'

const ends: (() => unknown)[] = []
const whole = { after: (end: () => unknown) => void ends.push(end) } as TestContext
after(async () => {
  for (const end of ends) await end()
})

let shown: Promise<Scene> | null = null
/** One gateway for all tests of this file that only read. */
function furnishedScene(): Promise<Scene> {
  shown ??= scene(whole, furnished(60)).then(async where => {
    await times(50, () => ask(where.port))
    await talking(whole, where.port)
    return where
  })
  return shown
}

/** axe-core takes seconds for a view on a busy machine, so `npm test` looks at the richest ones. */
const RICHEST = ['#/', '#/rule?rule=default/all+tcp[2]', '#/connections?ended=1']

for (const { colorScheme, width } of [
  { colorScheme: 'light', width: 1280 },
  { colorScheme: 'dark', width: 390 },
] as const) {
  test(`${width} px wide, ${colorScheme}: each view is complete, within its edges, and told to a screen reader`, {
    skip,
    timeout: 300_000,
  }, async t => {
    const where = await furnishedScene()
    const options = { colorScheme, viewport: { width, height: 900 } }
    const { page, complaints, requests } = await visit(await browse(t), urlOf(where), options)
    for (const [address, text] of Object.entries(VIEWS)) {
      await goTo(page, address)
      await hasText(page, '#main', text)
      assert.deepEqual(await outside(page), [], address)
      if (fullOnly === false || (width === 1280 && RICHEST.includes(address)))
        assert.deepEqual(await violations(page), [], address)
    }
    // A refused query is told by the browser, too.
    assert.deepEqual(
      complaints.filter(each => !each.includes('400')),
      [],
    )
    assert.deepEqual(
      requests.filter(url => !url.startsWith(urlOf(where))),
      [],
    )
  })
}

test('rules are searched, filtered, sorted and paged, and each state is an address', { skip }, async t => {
  const where = await furnishedScene()
  const { page } = await visit(await browse(t), `${urlOf(where)}#/rules`)
  const first = page.locator('tbody tr').first()
  await hasText(page, '.pager', '1 – 50 of 63')
  assert.match((await first.textContent()) ?? '', /default\/all tcp\[0\]/)
  await page.getByRole('link', { name: 'Next' }).click()
  await hasText(page, '.pager', '51 – 63 of 63')
  await page.getByRole('link', { name: 'Hits' }).click()
  await page.locator('th[aria-sort=descending]', { hasText: 'Hits' }).waitFor()
  await hasText(page, 'tbody tr:first-child', 'default/all tcp[2]')
  await page.getByRole('searchbox').fill('10.0.0.7 nobody')
  await hasText(page, '.pager', '1 – 1 of 1')
  await hasText(page, 'tbody', 'default/more-0 tcp[7]')
  assert.match(page.url(), /q=10\.0\.0\.7\+nobody/)
  await page.goBack() // typing adds no steps
  await hasText(page, '.pager', '51 – 63 of 63')
  await page.getByRole('link', { name: /^Unserved/ }).click()
  await hasText(page, '.pager', '1 – 1 of 1')
  await page.getByRole('link', { name: /^Never hit/ }).click()
  await hasText(page, '.pager', '1 – 50 of 61')
  await page.getByRole('link', { name: /^Unreachable/ }).click()
  await hasText(page, 'tbody', 'never matches')
})

test('a rule has its own view, by a link that also others can open', { skip }, async t => {
  const where = await furnishedScene()
  const browser = await browse(t)
  const { page } = await visit(browser, `${urlOf(where)}#/rules?range=2m`)
  await page.getByRole('link', { name: 'default/all tcp[2]' }).click()
  await hasText(page, 'h2', 'default/all tcp[2]')
  await hasText(page, '.split', '✓ as asked')
  await hasText(page, '.answer', 'a.yaml:')
  await hasText(page, '.answer', 'it takes every connection')
  await hasText(page, '.destination', `127.0.0.1:${where.backend}`)
  await hasText(page, '.destination', '● up')
  await hasText(page, '#main', 'client-closed')
  assert.match(page.url(), /range=2m/)
  const other = await visit(browser, page.url())
  await hasText(other.page, 'h2', 'default/all tcp[2]')
  await other.page.locator('.ranges [aria-current]', { hasText: '2 min' }).waitFor()
  await other.page.getByRole('link', { name: 'Explain a connection that fulfils this' }).click()
  await hasText(other.page, '#answer h3', 'Goes by a rule')
  await other.page.goBack()
  await hasText(other.page, 'h2', 'default/all tcp[2]')
})

test('the way to a rule, and its explanation, by keyboard alone', { skip }, async t => {
  const where = await furnishedScene()
  const { page } = await visit(await browse(t), `${urlOf(where)}#/rules`)
  await hasText(page, '.pager', '1 – 50 of 63')
  await page.keyboard.press('Tab')
  assert.equal(await page.evaluate('document.activeElement.className'), 'skip')
  await page.keyboard.press('Enter')
  assert.equal(await page.evaluate('document.activeElement.id'), 'main')
  const press = async (isThere: string): Promise<void> => {
    for (let presses = 0; !(await page.evaluate(isThere)); presses++) {
      assert.ok(presses < 60, isThere)
      await page.keyboard.press('Tab')
    }
  }
  await press("document.activeElement.textContent === 'default/all tcp[0].match[0]'")
  assert.notEqual(await page.evaluate('getComputedStyle(document.activeElement).outlineStyle'), 'none')
  await page.keyboard.press('Enter')
  await hasText(page, 'h2', 'default/all tcp[0].match[0]')
  assert.equal(await page.evaluate('document.activeElement.id'), 'main', 'the new view has the focus')
  await press("document.activeElement.textContent.startsWith('Explain a connection that')")
  await page.keyboard.press('Enter')
  await hasText(page, '#answer h3', 'Goes by a rule')
  await press("document.activeElement.name === 'from'")
  await page.keyboard.press('ControlOrMeta+a')
  await page.keyboard.type('127.0.0.3')
  await page.keyboard.press('Enter')
  await hasText(page, '#answer .rejected', 'sourceSubnet')
  await hasText(page, '#answer .destinations', '80 % backend.example:9000')
})

for (const rules of [200, 10_000])
  test(`${rules} rules are listed, found and paged as ten are`, { skip: skip || fullOnly }, async t => {
    const many = await scene(t, furnished(rules))
    await times(5, () => ask(many.port))
    const { page, complaints } = await visit(await browse(t), `${urlOf(many)}#/rules`)
    const all = (rules + 3).toLocaleString('en').replace(',', '\u202f')
    await hasText(page, '.pager', `1 – 50 of ${all}`)
    await page.getByRole('link', { name: 'Last', exact: true }).click()
    await hasText(page, 'tbody tr:last-child', `default/more-${Math.ceil(rules / 100) - 1} tcp[99]`)
    assert.ok((await page.locator('tbody tr').count()) <= 50)
    await page.getByRole('searchbox').fill('nobody')
    await hasText(page, '.pager', '1 – 1 of 1')
    for (const address of [
      '#/',
      '#/rule?rule=default/more-0+tcp[7]',
      '#/endpoints',
      '#/connections',
      '#/explain',
    ]) {
      await goTo(page, address)
      await page.locator('#main > :not(.loading)').first().waitFor()
    }
    assert.deepEqual(complaints, [])
  })
