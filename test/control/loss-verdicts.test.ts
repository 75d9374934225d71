// Goal: what a change takes from connections is refused or told as the mode says, with the traffic
// that it has.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Counts, type GuardMode, judge } from '../../src/control/guard/reload-guard.ts'
import type { SeriesName } from '../../src/stats/generations.ts'
import type { Parts } from '../support/guarded.ts'
import {
  between,
  EDGE,
  edited,
  FILES,
  headed,
  ONE,
  REST,
  settings,
  TWO,
  V1,
  without,
} from '../support/losses.ts'

/** Counts of `opened` connections, all open, for a rule and subset of `shop`. */
const counted = (place: string, subset: string, opened: number, closed = 0) => {
  const [, block, route, match] = /(tcp)\[(\d)\](?:\.match\[(\d)\])?/.exec(place) ?? []
  const rule = {
    virtualService: 'default/shop',
    block: block as 'tcp',
    route: Number(route),
    match: match === undefined ? null : Number(match),
    file: 'routes.yaml',
    line: 1,
  }
  const name: SeriesName = {
    key: `${place} ${subset}`,
    rule,
    endpoint: null,
    instead: null,
    source: { namespace: null, labels: {} },
    destination: { host: 'shop.example', subset, port: 9000 },
  }
  return {
    name,
    opened,
    closed,
    moved: 0,
    failed: 0,
    silent: 0,
    reset: 0,
    brief: 0,
    given: 0,
    received: 0,
    sent: 0,
    lastWallMs: 0,
  }
}

const busy: Counts = {
  totals: [
    counted(ONE, 'v1', 30, 20),
    counted(TWO, 'v2', 5, 5),
    counted(REST, 'v1', 40),
    counted(REST, 'v2', 41, 40),
  ],
  lastMinute: ({ opened }) => opened,
}
const idle: Counts = { ...busy, lastMinute: () => 0 }

function verdict(mode: GuardMode, after: Parts, counts: Counts) {
  const losses = between(FILES, after)
  assert.ok(losses)
  return judge(mode, losses, counts)
}

test('what is lost is refused with all the traffic that it has, each connection counted once', () => {
  for (const mode of ['refuse', 'strict'] as const) {
    const { refused, text, weighed, findings, warnings } = verdict(mode, without('subsets.yaml'), busy)
    assert.equal(refused, true)
    assert.equal(text, '3 rules, 51 connections open, 116 in the last minute')
    assert.deepEqual(weighed, {
      rules: 3,
      listeners: 0,
      destinations: 0,
      policies: 0,
      endpoints: 0,
      open: 51,
      lastMinute: 116,
    })
    assert.deepEqual(
      findings.map(each => /(\d+) connections? open, (\d+) in/.exec(each.message)?.slice(1).join()),
      ['10,30', '0,5', '41,81'],
    )
    assert.ok(findings.every(each => each.code === 'CFG470' && each.severity === 'error'))
    assert.deepEqual(warnings, [])
  }
  assert.equal(verdict('refuse', without('subsets.yaml'), idle).refused, true)
})

test('warn refuses nothing and says the same', () => {
  const { refused, text, findings } = verdict('warn', without('subsets.yaml'), busy)
  assert.deepEqual([refused, text], [false, '3 rules, 51 connections open, 116 in the last minute'])
  assert.deepEqual([...new Set(findings.map(each => each.severity))], ['warning'])
})

const REMOVALS: readonly (readonly [string, Parts, RegExp, string])[] = [
  [
    'a rule',
    edited('routes.yaml', / {4}- match: \[{sourceSubnet: 127\.0\.10.*\n.*\n.*v1}\n/, ''),
    /^default\/shop tcp\[0\]\.match\[0\] is not there any more: it has 10 connections open, 30 in the last minute$/,
    '1 rule, 10 connections open, 30 in the last minute',
  ],
  [
    'a listener',
    without('gateway.yaml'),
    /^listener default\/edge 127\.0\.0\.1:9000 closes: it has 51 connections open, 116 in the last minute$/,
    '1 listener, 51 connections open, 116 in the last minute',
  ],
  [
    'the last endpoint',
    edited('service.yaml', 'labels: {version: v2}', 'labels: {version: v1}'),
    /^shop\.example:9000 subset v2 has no endpoint any more: it has 1 connection open, 46 in the last minute$/,
    '1 destination, 1 connection open, 46 in the last minute',
  ],
]

for (const [what, after, warning, text] of REMOVALS) {
  test(`${what} that is removed is served with a warning; strict refuses it while it is in use`, () => {
    for (const mode of ['refuse', 'warn'] as const) {
      const { refused, warnings, findings } = verdict(mode, after, busy)
      assert.deepEqual([refused, findings.length, warnings.length], [false, 0, 1])
      assert.match(warnings[0], warning)
    }
    const strict = verdict('strict', after, busy)
    assert.deepEqual([strict.refused, strict.text, strict.findings.length], [true, text, 1])
    assert.ok(strict.findings[0].file.endsWith('.yaml') && strict.findings[0].line > 0)
    assert.equal(verdict('strict', after, idle).refused, false)
  })
}

test('a listener that reads otherwise is told in words, with file and line; strict refuses it in use', () => {
  const losses = between(FILES, settings('{from: [10.0.0.0/8]}'))
  assert.ok(losses)
  const { refused, warnings, weighed } = judge('refuse', losses, busy)
  assert.equal(refused, false)
  assert.deepEqual(warnings, [
    `settings.yaml:6: listener ${EDGE} reads a PROXY header (V1, V2) from 10.0.0.0/8 within 5s, and resets all others; before, it reads no PROXY header: it has 51 connections open, 116 in the last minute`,
  ])
  assert.deepEqual([weighed.listeners, weighed.open], [1, 51])
  const strict = judge('strict', losses, busy)
  assert.equal(strict.refused, true)
  const [{ file, line, resource, message }] = strict.findings
  assert.deepEqual([file, line, resource], ['settings.yaml', 6, 'Settings weir'])
  assert.match(message, /^listener .* reads a PROXY header .*; 51 connections open/)
  assert.equal(judge('strict', losses, idle).refused, false)
})

test('a destination that gets another header is told in words, with file and line', () => {
  const losses = between(headed('V1'), headed('V2'))
  assert.ok(losses)
  const [first] = judge('refuse', losses, busy).warnings
  const text = `${V1} gets a PROXY header of version 2 first; before, a PROXY header of version 1`
  assert.equal(first, `subsets.yaml:10: ${text}: it has 50 connections open, 70 in the last minute`)
})
