/** The keeper of credentials: what it says of what expires, again and again. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Keeper } from '../../src/control/credentials/keeper.ts'
import { readCredential } from '../../src/source/credentials/credentials.ts'
import { Authority } from '../support/authority.ts'
import { watchedLog } from './scene.ts'

const DAY_MS = 86_400_000
const authority = new Authority('root')
const { cert, key } = authority.issue({ names: ['a.test'], until: 30 })

const secret = new Map(
  Object.entries({
    'tls.crt': cert,
    'tls.key': key,
    'ca.crt': authority.cert,
    'ca.crl': authority.list([], 10),
  }).map(([name, text]) => [name, Buffer.from(text)] as const),
)

test('the log says each day what expires within 21 days, and what has expired', () => {
  const { log, records } = watchedLog()
  const keeper = new Keeper(log)
  const pairs = [{ secret: 'a/cert' }]
  const authorities = { secret: 'a/cert', beside: false }
  const read = readCredential({ id: 'id', pairs, authorities, uses: [] }, new Map([['a/cert', secret]]))
  assert.deepEqual(read.flaws, [])
  keeper.take([read])
  const nowMs = Date.now()
  const said = (days: number): string[] => {
    const before = records.length
    keeper.remind(nowMs + days * DAY_MS)
    return records.slice(before).map(({ level, msg }) => `${level} ${msg.replace(/\d{4}-[^ ]*Z/, 'T')}`)
  }
  assert.deepEqual(said(8), [])
  const list =
    'Secret a/cert ca.crl was due for renewal at T: since then every certificate of its authority is refused'
  for (const days of [12, 13]) {
    const [line] = said(days)
    assert.equal(
      line.replace(/\d{4}-[^ ]*Z/g, 'T'),
      `error : Secret a/cert tls.crt (CN=a.test) expires at T; ${list}`,
    )
  }
  assert.match(said(31)[0], /^error : Secret a\/cert tls\.crt \(CN=a\.test\) expired at T/)
})
