/**
 * The main thread answers while another one compiles; how quickly is for `npm run bench --
 * compile`.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { rulesText } from '../../bench/config/rules.ts'
import { startAdmin } from '../../src/admin/http.ts'
import { Compiler } from '../../src/control/compile/compile.ts'
import { sized } from '../support/full.ts'
import { folder } from './scene.ts'

const RULES = sized(2000, 5000)
const ANSWERS = 5

test('health answers arrive while many rules are compiled', async t => {
  const root = folder(t, {
    'rules.yaml': rulesText({ port: 9000, rules: RULES, servers: { backend: 9000 } }),
  })
  const admin = await startAdmin({ address: '127.0.0.1', port: 0, readiness: () => ({ ready: true }) })
  t.after(() => admin.close())
  const compiler = new Compiler({ current: () => ({ paths: [root] }) })
  t.after(() => compiler.close())
  const health = async (): Promise<number> => (await fetch(`http://127.0.0.1:${admin.port}/healthz`)).status
  await health() // the client's own first time is not part of it
  let compiled = false
  const compiling = compiler.compile(1, new Map(), null).finally(() => {
    compiled = true
  })
  for (let answer = 0; answer < ANSWERS; answer++) {
    assert.equal(await health(), 200)
    assert.equal(compiled, false, `answer ${answer} came only after the rules were compiled`)
  }
  const done = await compiling
  assert.ok(done && 'table' in done && done.table)
})
