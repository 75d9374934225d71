/**
 * Each view of the page in a real browser: what it shows, and to whom; with 63 rules, and in
 * `npm run test:full` also with 200 and 10 000.
 */

import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { openAdminOf } from '../../src/admin/open.ts'
import { DEFAULT_ADMIN } from '../../src/config/settings/settings.ts'
import { ask, folder } from '../control/scene.ts'
import { browse, skip, visit } from '../support/chromium.ts'
import { fullOnly } from '../support/full.ts'
import { furnished, goTo, hasText, outside, urlOf, VIEWS, violations } from './page-kit.ts'
import { furnishedScene } from './page-scene.ts'
import { times } from './routes-kit.ts'
import { routedTo, scene } from './scene.ts'

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

test('on a phone each row is a block, and none of its figures is off the edge', { skip }, async t => {
  const where = await furnishedScene()
  const options = { viewport: { width: 390, height: 844 } }
  const { page } = await visit(await browse(t), `${urlOf(where)}#/rules?order=hits`, options)
  const first = page.locator('tbody tr').first()
  await first.getByText('default/all tcp[2]').waitFor()
  for (const label of ['No.', 'Conn/s', 'Open', 'Hits', 'In', 'Out', 'Last hit']) {
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
