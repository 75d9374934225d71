/** The bench `reload` in small: changes come into force, and no connection fails meanwhile. */

import assert from 'node:assert/strict'
import { Bench } from '../../bench/harness.ts'
import { benchReload } from '../../bench/reload.ts'
import { ENGINES } from '../support/engine.ts'
import { fullOnly } from '../support/full.ts'
import { skip } from '../support/uring.ts'

for (const { engine, test } of ENGINES) {
  test(`reload measures changes and what connections notice, through ${engine}`, {
    skip: skip || fullOnly,
  }, async () => {
    const bench = new Bench({ name: 'reload', scale: 'small', onGroup: () => {}, choices: { engine } })
    await benchReload(bench)
    const failed = bench.results.filter(({ group }) => group.endsWith(': connections that failed'))
    assert.deepEqual(
      failed.map(({ name, rounds }) => [name, ...rounds]),
      [
        ['without reloads', 0, 0],
        ['a change every 100 ms', 0, 0],
      ],
    )
    assert.match(bench.statements.join(), /a change every 100 ms: \d+ changes made [1-9]\d* reloads; 0 of /)
    for (const { group, name, rounds } of bench.results) {
      assert.ok(rounds.length > 0 && rounds.every(Number.isFinite), `${group}: ${name}`)
    }
  })
}
