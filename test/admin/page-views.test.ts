/**
 * Each view of the page in a real browser: what it shows, who can use it, and that its address is
 * all it needs; with 10 rules, and in `npm run test:full` also with 200 and 10 000.
 */

import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, type TestContext, test } from 'node:test'
import { openAdminOf } from '../../src/admin/open.ts'
import { DEFAULT_ADMIN } from '../../src/config/settings/settings.ts'
import { ask, folder } from '../control/scene.ts'
import { browse, skip, visit } from '../support/chromium.ts'
import { fullOnly } from '../support/full.ts'
import { behindAt, likeAt, peer } from './fleet-kit.ts'
import { furnished, goTo, hasText, outside, urlOf, VIEWS, violations } from './page-kit.ts'
import { times } from './routes-kit.ts'
import { routedTo, type Scene, scene, talking } from './scene.ts'

const ends: (() => unknown)[] = []
const whole = { after: (end: () => unknown) => void ends.push(end) } as TestContext
after(async () => {
  for (const end of ends) await end()
})

let shown: Promise<Scene> | null = null
/** One gateway for all tests of this file that only read. */
function furnishedScene(): Promise<Scene> {
  const fleet = ['127.0.0.1:1']
  shown ??= scene(whole, furnished(60), 'auto', { fleet }).then(async where => {
    const peers = [likeAt, behindAt].map(each => peer(whole, each(where.where.port)))
    fleet.push(...(await Promise.all(peers)).map(each => each.place))
    await times(50, () => ask(where.port))
    await talking(whole, where.port)
    return where
  })
  return shown
}

/**
 * axe-core takes seconds for a view on a busy machine, so `npm test` looks at two that have of
 * everything: figures, charts, tables, links; and a form.
 */
const RICHEST = ['#/rule?rule=default/all+tcp[2]', '#/connections?ended=1']

for (const { colorScheme, width, isFull = false } of [
  { colorScheme: 'light', width: 1280 },
  { colorScheme: 'dark', width: 390 },
  { colorScheme: 'dark', width: 1280, isFull: true },
  { colorScheme: 'light', width: 390, isFull: true },
] as const) {
  test(`${width} px wide, ${colorScheme}: each view is complete, within its edges, and told to a screen reader`, {
    skip: skip || (isFull && fullOnly),
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

test('a filter of connections that is refused stays, to be mended', { skip }, async t => {
  const where = await furnishedScene()
  const { page } = await visit(await browse(t), `${urlOf(where)}#/connections?ended=1&client=nonsense`)
  await hasText(page, '[role=alert]', 'client nonsense: not an address')
  const client = page.getByRole('textbox', { name: 'Client' })
  assert.equal(await client.inputValue(), 'nonsense')
  await client.fill('127.0.0.0/8')
  await page.keyboard.press('Enter')
  await hasText(page, 'tbody', 'client-closed')
  assert.equal(await page.locator('[role=alert]:visible').count(), 0)
})

test('the same connection is asked about again as weir knows it, and by a certificate as well', {
  skip,
}, async t => {
  const where = await furnishedScene()
  const { page } = await visit(await browse(t), `${urlOf(where)}#/connections?ended=1`)
  await page
    .getByRole('link', { name: /^Explain a connection from 127/ })
    .first()
    .click()
  await hasText(page, '#answer h3', 'Goes by a rule')
  assert.match(page.url(), /from=127\.0\.0\.1&peer=127\.0\.0\.1/)
  await page.getByRole('textbox', { name: 'Certificate of' }).fill('spiffe://cluster.local/ns/shop/sa/web')
  const asked = page.waitForRequest(request => request.url().includes('identity=spiffe'))
  await page.keyboard.press('Enter')
  await asked
})

test('on a phone each row is a block, and none of its figures is off the edge', { skip }, async t => {
  const where = await furnishedScene()
  const options = { viewport: { width: 390, height: 844 } }
  const { page } = await visit(await browse(t), `${urlOf(where)}#/rules?order=hits`, options)
  const first = page.locator('tbody tr').first()
  await first.getByText('default/all tcp[2]').waitFor()
  for (const label of ['Nr.', 'Conn/s', 'Open', 'Hits', 'In', 'Out', 'Last hit']) {
    const cell = first.locator(`td[data-label="${label}"]`)
    const { x = 0, width = 0 } = (await cell.boundingBox()) ?? {}
    assert.ok(width > 0 && x + width <= 390, label)
    const told = `getComputedStyle(document.querySelector('tbody td[data-label="${label}"]'), '::before').content`
    assert.equal(await page.evaluate(told), `"${label} "`)
  }
  // Its headings still sort.
  await page.getByRole('link', { name: 'Open' }).click()
  await page.locator('th[aria-sort=descending]', { hasText: 'Open' }).waitFor()
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

test('the fleet is one view: who is gone, who is behind, and the shares of all together', {
  skip,
}, async t => {
  const where = await furnishedScene()
  const { page } = await visit(await browse(t), urlOf(where))
  await page.getByRole('link', { name: 'Fleet' }).click()
  await hasText(page, 'h2', '4 replicas')
  await hasText(page, '.facts', '3 of 4')
  await hasText(page, 'tr', 'no answer')
  await hasText(page, 'tr', 'configuration bbbbbbbbbbbb, where 2 have')
  await hasText(page, '#main', 'exact to less than 2 connections')
  await hasText(page, 'tr', '✓ as asked')
})

test('back and forward go from view to view, with the time range that was chosen there', {
  skip,
}, async t => {
  const where = await furnishedScene()
  const browser = await browse(t)
  const { page } = await visit(browser, `${urlOf(where)}#/rules?range=1h`)
  const chosen = async (view: string, range: string, of = page) => {
    await of.locator('#head nav [aria-current=page]', { hasText: view }).waitFor()
    await of.locator('.ranges [aria-current]', { hasText: range }).waitFor()
  }
  await chosen('Rules', '1 h')
  await page.getByRole('link', { name: 'Connections', exact: true }).click()
  await chosen('Connections', '1 h')
  await page.getByRole('link', { name: '2 min' }).click()
  await chosen('Connections', '2 min')
  await page.getByRole('link', { name: 'Listeners' }).click()
  await chosen('Listeners', '2 min')
  for (const [view, range] of [
    ['Connections', '2 min'],
    ['Connections', '1 h'],
    ['Rules', '1 h'],
  ]) {
    await page.goBack()
    await chosen(view, range)
  }
  await page.goForward()
  await page.goForward()
  await chosen('Connections', '2 min')
  const deep = `${urlOf(where)}#/endpoints?q=second.example&state=up&range=2m`
  const { page: other } = await visit(browser, deep)
  await chosen('Endpoints', '2 min', other)
  await other.locator('.tabs [aria-current]', { hasText: 'Up' }).waitFor()
  assert.equal(await other.getByRole('searchbox').inputValue(), 'second.example')
  await hasText(other, '.pager', '1 – 1 of 1')
})

test('while an answer is awaited the page says so, and an empty list says what is missing', {
  skip,
}, async t => {
  const where = await scene(t, port => routedTo(port).split('---')[0])
  const { page, complaints } = await visit(await browse(t), urlOf(where))
  await hasText(page, '#main', 'No rules: nothing is routed.')
  const held = Promise.withResolvers<void>()
  await page.route('**/endpoints*', async route => {
    await held.promise
    await route.continue()
  })
  await goTo(page, '#/endpoints')
  await hasText(page, '.loading', 'Asking the gateway')
  held.resolve()
  for (const [address, text] of Object.entries(EMPTY)) {
    await goTo(page, address)
    await hasText(page, '#main', text)
    assert.deepEqual(await outside(page), [], address)
  }
  assert.deepEqual(complaints, [])
})

const EMPTY = {
  '#/endpoints': 'No destination has an endpoint.',
  '#/rules': 'No rules: nothing is routed.',
  '#/connections': 'Nothing is open.',
  '#/connections?ended=1': 'None has ended yet.',
  '#/certificates': 'None: no server speaks TLS itself.',
  '#/policies': 'Everybody: no AuthorizationPolicy',
}

test('who has no token, or a wrong one, is told so and asked for one', { skip }, async t => {
  const where = await furnishedScene()
  const root = folder(t, { reads: TOKENS.reads, changes: TOKENS.changes })
  const open = async (roles: readonly ('reads' | 'changes')[]) => {
    const tokens = roles.map(name => ({
      file: join(root, name),
      role: name === 'reads' ? ('read' as const) : ('change' as const),
    }))
    const auth = { tokens, peerUids: [] }
    const admin = await openAdminOf(where.gateway, { ...DEFAULT_ADMIN, port: 0, auth }, '1.2.3')
    t.after(() => admin.close())
    return `http://127.0.0.1:${admin.port}/`
  }
  const browser = await browse(t)
  const { page } = await visit(browser, `${await open(['reads', 'changes'])}#/rules?range=1h`)
  const give = async (token: string, on = page) => {
    await on.locator('input[type=password]').fill(token)
    await on.keyboard.press('Enter')
  }
  await hasText(page, '#sign-in', 'answers only those who give a token')
  await hasText(page, '#state', 'Sign in')
  assert.equal(await page.locator('#gone').isVisible(), false)
  assert.deepEqual(await outside(page), [])
  await give('a-guess-of-sixteen-characters')
  await hasText(page, '#sign-in', 'refuses this token')
  await hasText(page, '#state', 'Token refused')
  await give(TOKENS.reads)
  await hasText(page, '#access', 'may read')
  await hasText(page, 'tbody', 'default/all tcp[2]')
  assert.match(page.url(), /#\/rules\?range=1h$/)
  // Where everybody may read, a token is only offered, and stays so until somebody has decided.
  const { page: reader } = await visit(browser, await open(['changes']))
  await reader.getByRole('button', { name: 'Give a token' }).click()
  assert.equal(await reader.evaluate('document.activeElement.name'), 'token')
  const answered = () => reader.waitForResponse(answer => answer.url().endsWith('/overview'))
  await (await answered()).finished()
  await give('a-guess-of-sixteen-characters', reader)
  await hasText(reader, '#sign-in', 'refuses this token')
  await reader.getByRole('button', { name: 'Not now' }).click()
  await hasText(reader, '#access', 'This page only reads')
  await hasText(reader, '#main', 'Needs a look')
})

const TOKENS = { reads: 'a-secret-that-only-reads', changes: 'a-secret-that-changes-things' }

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
