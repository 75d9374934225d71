/**
 * The bench `tls` in small: every proxy is measured on every axis, and no connection, reply or
 * resumption fails.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Bench } from '../../bench/harness.ts'
import { NAMES } from '../../bench/tls/contenders.ts'
import { benchTls } from '../../bench/tls.ts'
import { fullOnly } from '../support/full.ts'
import { skip } from '../support/uring.ts'

const AXES = [
  /^new connections, TLS 1\.[23], (ECDSA|RSA)/,
  /^requests/,
  /^bulk, .* from/,
  /^bulk, .* to/,
  /^memory/,
]

test('tls measures every proxy on every axis', { skip: skip || fullOnly }, async () => {
  const bench = new Bench({ name: 'tls', scale: 'small', onGroup: () => {} })
  await benchTls(bench)
  const absent = NAMES.filter(name => bench.statements.some(each => each.startsWith(`${name} is left out`)))
  for (const name of NAMES.filter(each => !absent.includes(each)))
    for (const axis of AXES)
      assert.ok(
        bench.results.some(each => each.name === name && axis.test(each.group)),
        `${name}: ${axis}`,
      )
  for (const { group, name, rounds } of bench.results) {
    assert.ok(rounds.length > 0 && rounds.every(Number.isFinite), `${group}: ${name}`)
    assert.doesNotMatch(group, /: failed/, name)
  }
})
