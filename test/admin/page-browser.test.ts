/**
 * The page at / in a real browser: what it shows while connections flow, files change, and the
 * gateway goes. page-views.test.ts has what each view shows, and who can use it.
 */

import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { openAdminOf } from '../../src/admin/open.ts'
import { DEFAULT_ADMIN } from '../../src/config/settings/settings.ts'
import { ask, echo, folder, routing } from '../control/scene.ts'
import { browse, skip, visit } from '../support/chromium.ts'
import { nameFiles, nameServer } from '../support/name-server.ts'
import { located } from './localities-kit.ts'
import { naming } from './names-kit.ts'
import { goTo, hasText, urlOf } from './page-kit.ts'
import { splitting, times } from './routes-kit.ts'
import { balanced, PROXY_HEADER, scene, talking } from './scene.ts'

test('a changed file is seen on the page, with its shares; and so is a refused one, with its place', {
  skip,
}, async t => {
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
  const halves = `${splitting(50, 50)(port, backend)}---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: patient}
spec: {host: second.example, trafficPolicy: {connectionPool: {tcp: {connectTimeout: 1s}}}}
`
  save(halves)
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
  const chart = await page.locator('.split weir-chart').getAttribute('aria-label')
  assert.match(chart ?? '', /backend should be 50 %, is 50\.0 %; second should be 50 %, is 50\.0 %/)
  await hasText(page, 'header .facts', 'Generation2')
  await goTo(page, '#/reloads')
  await hasText(page, '#reload-list', 'any → 80 % backend.example:9000, 20 % second.example:9000')
  await hasText(page, '#reload-list', 'any → 50 % backend.example:9000, 50 % second.example:9000')
  await hasText(page, '#reload-list', 'connectTimeout: 10s → 1s')
  assert.equal(await page.locator('#reload-list del').count(), 1, 'the endpoints are the same')
  await hasText(page, '#reload-list th', 'before')
  save(halves.replace("hosts: ['*']\n  gateways", `hosts: ['*']\n  "<img src=/nothing>": 1\n  gateways`))
  await hasText(page, '#reload-list', 'Refused')
  await hasText(page, '#reload-list .findings', '<img src=/nothing>')
  const [{ line }] = where.gateway.history.reloads[0].findings
  await hasText(page, '#reload-list .findings', `a.yaml:${line}:`)
  assert.equal(await page.locator('#reload-list img').count(), 0, 'what files say is text')
  await hasText(page, '#reload-list', 'generation 2 stays')
  await goTo(page, '#/')
  await hasText(page, '#attention', 'The last change of the files is refused')
  assert.deepEqual(complaints, [])
})

test('connections are chosen and paged', { skip }, async t => {
  const where = await scene(t, balanced('127.0.0.10'))
  await times(29, () => talking(t, where.port))
  await talking(t, where.port, '127.0.0.10', PROXY_HEADER)
  await talking(t, where.port, '127.0.0.9')
  const { page } = await visit(await browse(t), `${urlOf(where)}#/connections`)
  const note = (text: string) => hasText(page, '.pager', text)
  await hasText(page, '#main', '31 open in all.')
  await page.getByRole('link', { name: 'Next' }).click()
  await note('6 shown, and no more')
  await page.getByRole('textbox', { name: 'Client' }).fill('127.0.0.9')
  await page.getByRole('button', { name: 'Show' }).click()
  await note('1 shown, and no more')
  await hasText(page, 'tbody', 'default/all tcp[0]')
  await page.getByRole('textbox', { name: 'Client' }).fill('127.0.0.8')
  await page.getByRole('button', { name: 'Show' }).click()
  await hasText(page, 'tbody', 'None is like that.')
  await page.getByRole('textbox', { name: 'Client' }).fill('')
  await page.getByRole('textbox', { name: 'Peer' }).fill('127.0.0.10')
  await page.getByRole('button', { name: 'Show' }).click()
  await hasText(page, 'tbody', '192.0.2.7:5001')
  await hasText(page, 'tbody', 'via 127.0.0.10:')
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
  await page.clock.pauseAt(Date.now() + 60_000) // from here on, time is what `runFor` makes of it
  const [atPause, paused] = [asked, answered()]
  while (asked === atPause) await page.clock.runFor(100) // the page may just read an answer
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
  const { page, complaints } = await visit(await browse(t), `${urlOf(where)}#/rules`)
  await hasText(page, 'tbody', 'a.test')
  await hasText(page, 'tbody', '*.b.test, c.test')
  await goTo(page, '#/explain')
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

test('a DNS name that fails is told beside the endpoints', { skip }, async t => {
  const dns = await nameServer(t)
  const { files } = nameFiles(t, `nameserver ${dns.server}`)
  const byName = (port: number, backend: number): string =>
    routing(port, backend)
      .replace('resolution: STATIC', 'resolution: DNS')
      .replace(/address: 127\.0\.0\.1/, 'address: nobody.test')
  const where = await scene(t, byName, 'auto', { names: files })
  const { page, complaints } = await visit(await browse(t), urlOf(where))
  await hasText(page, '#attention', '1 DNS name unresolved')
  await goTo(page, '#/endpoints')
  await hasText(page, '#names', 'nobody.test unresolved (NXDOMAIN)')
  assert.deepEqual(complaints, [])
})

test('endpoints are shown with state, priority, locality, share and reason, and as they change', {
  skip,
}, async t => {
  const [near, far] = [await echo(t, 'near'), await echo(t, 'far')]
  const localities = [
    [near, 'us/a'],
    [far, 'us/b'],
  ] as const
  const where = await scene(t, located(localities, 'outlierDetection: {}'))
  const { page, complaints } = await visit(await browse(t), urlOf(where))
  const rows = page.locator('table tbody tr')
  const shows = (port: number, ...texts: readonly string[]) =>
    Promise.all(
      texts.map(text =>
        rows
          .filter({ hasText: `127.0.0.1:${port}` })
          .filter({ hasText: text })
          .waitFor(),
      ),
    )
  await goTo(page, '#/endpoints')
  await shows(near, 'priority 0, us/a, 100 %', '● up')
  const waits = 'in rotation only when priority 0 is below 1 available endpoint (now 1 of 1)'
  await shows(far, 'priority 1, us/b, 0 %', '● up', waits)
  await where.send('POST /endpoints/drain', { endpoint: `127.0.0.1:${near}` })
  await shows(near, '▼ draining', 'priority 0, us/a, 0 %', 'an operator drains it')
  await shows(far, 'priority 1, us/b, 100 %', '● up', 'priority 1 gets 100 % of the connections')
  assert.ok((await rows.first().textContent())?.includes(`127.0.0.1:${near}`), 'it comes first')
  assert.deepEqual(complaints, [])
})

test('an endpoint is drained and enabled, and a guarded change accepted, by whoever confirms', {
  skip,
}, async t => {
  const where = await scene(t, splitting(80, 20))
  const { port, backend, save } = where
  const file = join(folder(t, { token: TOKEN }), 'token')
  const auth = { tokens: [{ file, role: 'change' as const }], peerUids: [] }
  const admin = await openAdminOf(where.gateway, { ...DEFAULT_ADMIN, port: 0, auth }, '1.2.3')
  t.after(() => admin.close())
  const { page, complaints } = await visit(await browse(t), `http://127.0.0.1:${admin.port}/#/endpoints`)
  await hasText(page, '#access', 'This page only reads')
  assert.equal(await page.getByRole('button', { name: 'Drain' }).count(), 0)
  await page.getByRole('button', { name: 'Give a token' }).click()
  await page.locator('input[type=password]').fill(TOKEN)
  await page.keyboard.press('Enter')
  await hasText(page, '#access', 'may change')
  const asked: string[] = []
  let says = false
  page.on('dialog', dialog => {
    asked.push(dialog.message())
    void (says ? dialog.accept() : dialog.dismiss())
  })
  const button = (name: string) => page.getByRole('button', { name, exact: true }).first()
  await button('Drain').click()
  assert.match(asked[0], /^Take 127\.0\.0\.1:\d+ out of rotation\? Its 0 open connections stay\.$/)
  assert.deepEqual(where.gateway.serving?.plane.health.drains, [])
  says = true
  await button('Drain').click()
  await hasText(page, 'tbody', 'draining')
  assert.equal(where.gateway.serving?.plane.health.drains.length, 1)
  await button('Enable').click()
  await button('Drain').waitFor()
  await ask(port)
  save(splitting(80, 20)(port, backend).replaceAll('host: second.example,', 'host: nobody.example,'))
  await goTo(page, '#/reloads')
  await hasText(page, '#reload-list', 'Refused by the guard')
  await button('Accept the change').click()
  await hasText(page, '#reload-list', 'generation 2 served')
  assert.match(asked.at(-1) ?? '', /^Take this change, with what it costs\?/)
  assert.deepEqual(complaints, [])
})

const TOKEN = 'a-secret-of-more-than-sixteen-characters'

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
  const { page, complaints } = await visit(await browse(t), `${urlOf(where)}#/policies`)
  await hasText(page, 'tbody tr', 'default/who')
  assert.deepEqual((await page.locator('tbody td').allInnerTexts()).slice(0, 2), [
    'DENY',
    'from ipBlocks 127.0.10.0/24',
  ])
  await hasText(page, 'tbody', 'default/edge')
  await hasText(page, 'tbody', '1 denied')
  await hasText(page, '#limit-list', 'each source: 9 connections')
  await goTo(page, '#/explain')
  await page.locator('input[name=from]').fill('127.0.10.7')
  await page.locator('#explain-form button').click()
  await hasText(page, '#answer h3', 'a policy denies it')
  await hasText(page, '#answer', 'denied by default/who rules[0]')
  assert.deepEqual(complaints, [])
})
