/**
 * The pictures of `weir top`, and what keys make of them: pure functions, so no gateway is needed.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Open } from '../../src/cli/live/connections.ts'
import type { Endpoint } from '../../src/cli/live/endpoints.ts'
import type { Routes, Rule } from '../../src/cli/live/routes.ts'
import type { Summary } from '../../src/cli/live/status.ts'
import { connectionsPage } from '../../src/cli/live/top/connections.ts'
import { endpointsPage } from '../../src/cli/live/top/endpoints.ts'
import { frameLines, type Picture, type Size } from '../../src/cli/live/top/frame.ts'
import { keysOf } from '../../src/cli/live/top/keys.ts'
import type { Page } from '../../src/cli/live/top/list.ts'
import type { Look } from '../../src/cli/live/top/look.ts'
import { rulesPage } from '../../src/cli/live/top/rules.ts'
import { levelOf, press, type Seen, START, type State } from '../../src/cli/live/top/state.ts'

const rule = (name: string, connections: number, more: object = {}): Rule =>
  ({
    rule: { virtualService: name, block: 'tcp', route: 0, match: null, file: 'a.yaml', line: 7 },
    never: null,
    sinceGeneration: 1,
    connections,
    open: 2,
    receivedBytes: 0,
    sentBytes: 10 * connections,
    destinations: [{ host: 'a.example', port: 80, subset: null, configuredShare: 1, deliveredShare: null }],
    ...more,
  }) as unknown as Rule

const split = (verdict: string) => ({
  destinations: [0.8, 0.2].map((configuredShare, index) => ({
    host: 'a.example',
    port: 80,
    subset: `v${index}`,
    configuredShare,
    deliveredShare: { share: configuredShare + 0.1, low: 0, high: 1, verdict },
  })),
})

const routes = (...rules: Rule[]): Routes => ({
  generation: 1,
  total: rules.length,
  next: null,
  rules,
  unruled: [],
})

const level = levelOf(START)

function look(atMs: number, page: Page, summary: object = {}): Look {
  const made = {
    version: '1.2.3',
    engine: 'uring',
    workers: 2,
    monotonicMs: atMs,
    uptimeS: atMs / 1000,
    generation: 3,
    ready: true,
    why: null,
    counters: { open: 3, accepted: atMs / 100, clientBytes: atMs, upstreamBytes: 0 },
    closed: { 'client-closed': atMs, 'no-route': atMs / 500 },
    lastReload: { number: 3, at: '', outcome: 'taken', errors: 0, warnings: 1 },
    ...summary,
  }
  return { where: '127.0.0.1:15021', level, summary: made as unknown as Summary, page }
}

const picture = (now: Look, more: Partial<Picture> = {}): Picture => ({
  state: START,
  now,
  base: null,
  trouble: null,
  hasKeys: true,
  colours: false,
  ...more,
})

const busy = (atMs: number, ...rules: Rule[]) => look(atMs, rulesPage(routes(...rules), level, 0))
const WIDE = { columns: 100, rows: 20 }

test('rules stand by their rates, with shares, and their title says the order', () => {
  const before = busy(
    1_000,
    rule('ns/slow', 10),
    rule('ns/quick', 10),
    rule('ns/split', 10, split('as-asked')),
  )
  const now = busy(3_000, rule('ns/slow', 12), rule('ns/quick', 90), rule('ns/split', 20, split('off')))
  const lines = frameLines(picture(now, { base: before }), WIDE)
  assert.equal(lines.length, 20)
  assert.match(
    lines[0],
    /^weir 1\.2\.3 {2}ready {2}generation 3 {2}uring, 2 workers {2}up 3\.0 s +127\.0\.0\.1:15021$/,
  )
  assert.equal(lines[1], '3 open   10 /s new   2 /s not served   1.0 kB/s from clients   0 B/s to them')
  assert.equal(lines[2], 'reload 3 taken, 0 errors, 1 warning')
  assert.equal(lines[4], 'Rules  3   by conn/s')
  assert.match(lines[5], /^ {2}RULE +CONN\/S▼ +OPEN +ALL +BYTES\/S {2}SHARES: SHOULD BE → IS$/)
  assert.match(lines[6], /^› ns\/quick tcp\[0\] +40 +2 +90 +400 B$/)
  assert.match(lines[7], /^ {2}ns\/split tcp\[0\] +5 +2 +20 +50 B {2}80→90! {2}20→30!$/)
  assert.match(lines[8], /^ {2}ns\/slow tcp\[0\] +1 +2 +12 +10 B$/)
  assert.match(lines[19], /^q quit {2}\? keys {2}⏎ its endpoints {2}\/ filter {2}s order {2}f show/)
})

test('without a second look there are no rates, and a rule that is counted anew has none', () => {
  const first = frameLines(picture(busy(1_000, rule('ns/a', 10))), WIDE)
  assert.match(first[1], /^3 open {3}– \/s new {3}– \/s not served/)
  assert.match(first[6], /^› ns\/a tcp\[0\] +– +2 +10 +–$/)
  const before = busy(1_000, rule('ns/a', 10))
  const now = busy(2_000, rule('ns/a', 1, { sinceGeneration: 2 }))
  assert.match(frameLines(picture(now, { base: before }), WIDE)[6], / – +2 +1 +–$/)
})

test('no line is longer than the terminal, however small it is, and what counts most stays', () => {
  const now = busy(1_000, ...Array.from({ length: 90 }, (_, index) => rule(`ns/a-long-name-${index}`, index)))
  for (let columns = 1; columns <= 130; columns += 3)
    for (let rows = 1; rows <= 30; rows++) {
      const lines = frameLines(picture(now, { trouble: 'no answer for 3 s' }), { columns, rows })
      assert.ok(lines.length <= rows, `${columns}x${rows}: ${lines.length} lines`)
      assert.ok(
        lines.every(each => each.length <= columns),
        `${columns}x${rows}`,
      )
    }
  const narrow = frameLines(picture(now), { columns: 40, rows: 12 })
  assert.match(narrow[5], /^ {2}RULE +CONN\/S▼?$/)
  assert.match(narrow[6], /^› ns\/a-long-name-89 tcp\[0\] +–$/)
})

test('a text breaks where the terminal ends, and nothing of it is lost', () => {
  const words =
    '  to        a-host.example:80 subset v1, at 10.0.0.1:80; dialed twice, connected in 0.3 ms, and then some'
  const page: Page = { ...rulesPage(routes(), level, 0), columns: [{ title: '', drop: 0 }], isText: true,
    rows: () => [{ key: '0', cells: [words], enter: null }] } // biome-ignore format: one row
  for (const columns of [5, 24, 30, 40, 80, 120]) {
    const lines = frameLines(picture(look(1_000, page)), { columns, rows: 40 })
    assert.ok(
      lines.every(each => each.length <= columns),
      `${columns}`,
    )
    const said = lines.slice(6, -1).join(' ').replace('›', '').split(/\s+/).join(' ')
    if (columns >= 40) assert.ok(said.includes(words.trim().split(/\s+/).join(' ')), said)
  }
  const lines = frameLines(picture(look(1_000, page)), { columns: 50, rows: 40 })
  assert.equal(lines[7], '              10.0.0.1:80; dialed twice, connected')
})

test('the cursor stays on the screen, and the list is scrolled to it', () => {
  const now = busy(1_000, ...Array.from({ length: 90 }, (_, index) => rule(`ns/n${index}`, 90 - index)))
  const at = (row: number): State => ({ ...START, levels: [{ ...level, at: row }] })
  for (const row of [0, 1, 44, 88, 89]) {
    const lines = frameLines(picture(now, { state: at(row) }), WIDE)
    const marked = lines.filter(each => each.startsWith('› '))
    assert.deepEqual(
      marked.map(each => each.split(' ')[1]),
      [`ns/n${row}`],
    )
    assert.equal(lines.filter(each => each.includes('ns/n')).length, 13)
  }
})

test('colours are used only if they are wanted, and say the same', () => {
  const endpoint = (address: string, state: string) =>
    ({
      endpoint: address,
      destination: { host: 'a.example', subset: null, port: 80 },
      state,
      connections: 1,
      receivedBytes: 0,
      sentBytes: 0,
      open: 0,
      lastError: state === 'up' ? null : { error: 'ECONNREFUSED', agoS: 3 },
      connectMs: { p50: 0.4, p99: null },
    }) as unknown as Endpoint
  const state = press(START, 'tab', NOTHING) as State
  const page = endpointsPage(
    [endpoint('10.0.0.1:80', 'down'), endpoint('10.0.0.2:80', 'up')],
    2,
    levelOf(state),
    null,
  )
  const now = { ...look(1_000, page), level: levelOf(state) }
  const plain = frameLines(picture(now, { state }), WIDE)
  assert.match(plain[6], /^› 10\.0\.0\.1:80 +down +– +0 +0\.40 ms +ECONNREFUSED 3\.0 s ago {2}a\.example:80$/)
  assert.ok(plain.every(each => !each.includes('\u001b')))
  const painted = frameLines(picture(now, { state, colours: true }), WIDE)
  assert.deepEqual(painted.map(unpainted), plain)
  assert.ok(painted[7].includes('\u001b[32mup'))
})

test('a connection is found by words, and an address is left to the gateway', () => {
  const open = ['10.0.0.1:5', '10.0.0.2:6'].map(client => ({
    id: 1, worker: 0, client, peer: null, asked: null, serverName: null, endpoint: '10.9.0.1:80', generation: 1,
    rule: null, outcome: 'passthrough', fromClientBytes: 1, toClientBytes: 2, state: 'relaying', ageMs: 5, idleMs: 1,
  })) as unknown as Open[] // biome-ignore format: one row
  const place = { kind: 'connections', rule: null, endpoint: null, isEnded: false } as const
  const found = (filter: string) => connectionsPage(open, false, { ...level, place, filter }, place).total
  assert.deepEqual(
    [found(''), found('0.2: PASS'), found('nothing'), found('10.0.0.0/8'), found('[::1]:80')],
    [2, 1, 0, 2, 2],
  )
  const [row] = connectionsPage(open, true, { ...level, place }, place).rows(() => null)
  assert.deepEqual(row.enter, { kind: 'why', client: '10.0.0.1:5' })
})

// biome-ignore lint/suspicious/noControlCharactersInRegex: what a terminal gets
const unpainted = (line: string): string => line.replace(/\u001b\[\d+m/g, '').trimEnd()

const NOTHING: Seen = { total: 0, height: 10, enter: null, keyAt: () => null }
const endpointsPlace = { kind: 'endpoints', rule: null } as const
const SEEN: Seen = { total: 100, height: 10, enter: endpointsPlace, keyAt: at => `row ${at}` }

/** The state after these keys; null: quit. */
const after = (keys: string, seen = SEEN): State | null =>
  keysOf(keys).reduce<State | null>((state, key) => state && press(state, key, seen), START)

test('keys move, search, sort, go into a row and back, and quit', () => {
  const at = (keys: string): number => levelOf(after(keys) as State).at
  assert.deepEqual(
    ['jj', 'jjk', 'k', 'G', '\u001b[6~', '\u001b[6~\u001bOA', 'Gj', 'Gg'].map(at),
    [2, 1, 0, 99, 9, 8, 99, 0],
  )
  assert.equal(levelOf(after('j') as State).key, 'row 1')
  assert.deepEqual(
    after('\r')?.levels.map(each => each.place.kind),
    ['rules', 'endpoints'],
  )
  assert.deepEqual(after('\r\u001b')?.levels, START.levels)
  assert.equal(after('\r', NOTHING)?.levels.length, 1)
  const filtered = after('/qs x\u007f\r') as State
  assert.deepEqual([levelOf(filtered).filter, filtered.typing], ['qs ', null])
  assert.equal(after('/q')?.typing, 'q')
  assert.equal(levelOf(after('/ab\u001b') as State).filter, '')
  assert.equal(levelOf(after('/ab\r\u001b') as State).filter, '')
  assert.deepEqual([levelOf(after('s') as State).order, levelOf(after('sssss') as State).order], [1, 0])
  assert.equal(levelOf(after('r') as State).isReversed, true)
  assert.equal(levelOf(after('ff') as State).show, 2)
  assert.deepEqual(['\t', '\t\t', '\t\t\t', '\u001b[Z'].map(keys => after(keys)?.levels[0].place.kind), [
    'endpoints', 'connections', 'rules', 'connections',
  ]) // biome-ignore format: one row
  assert.deepEqual(levelOf(after('\t\te') as State).place, {
    kind: 'connections',
    rule: null,
    endpoint: null,
    isEnded: true,
  })
  assert.deepEqual(['q', '/q\u0003', '\u0003', '?q', '?qq', '\u001b', 'x\u001b[99~'].map(keys => after(keys) === null), [
    true, true, true, false, true, false, false,
  ]) // biome-ignore format: one row
  assert.equal(after('p')?.isPaused, true)
})

test('the filter is shown as it is typed, and help lists the keys', () => {
  const now = busy(1_000, rule('ns/a', 1))
  const show = (keys: string, size: Size = WIDE): string[] =>
    frameLines(picture(now, { state: after(keys) as State }), size)
  assert.match(show('/so')[4], / \/so█$/)
  assert.match(show('/so')[19], /^type to filter {2}⏎ keep it {2}esc drop it$/)
  assert.match(show('frp')[4], /by conn\/s, reversed {3}only off {3}paused$/)
  assert.ok(show('?').some(each => each.includes('Ctrl-C')))
  const troubled = frameLines(picture(now, { trouble: 'no gateway answers, for 3 s' }), WIDE)
  assert.equal(troubled[0], 'no gateway answers, for 3 s')
})
