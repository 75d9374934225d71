/** The bench `soak` in small, and that it would see what it looks for. */

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, connect, createServer } from 'node:net'
import { test } from 'node:test'
import { Bench } from '../../bench/harness.ts'
import { Generator } from '../../bench/load/generator.ts'
import { soak } from '../../bench/soak/load.ts'
import { benchSoak } from '../../bench/soak.ts'
import { ENGINES } from '../support/engine.ts'
import { fullOnly } from '../support/full.ts'
import { skip } from '../support/uring.ts'

for (const { engine, test } of ENGINES) {
  test(`soak: short and long connections during reloads, through ${engine}`, {
    skip: skip || fullOnly,
  }, async () => {
    const bench = new Bench({ name: 'soak', scale: 'small', onGroup: () => {}, choices: { engine } })
    await benchSoak(bench)
    assert.deepEqual(bench.failures, [])
    assert.match(
      bench.statements.join(),
      /^[3-9]\d{3} short .* [1-9]\d* replies to 50 long ones, \d+ changes .*, [1-9]\d* reloads: nothing failed/,
    )
  })
}

test('soak counts replies with wrong bytes, of short connections and of long ones', { skip }, async t => {
  const generator = await Generator.start({ loads: 2 })
  t.after(() => generator.stop())
  let replies = 0
  const proxy = createServer({ noDelay: true, allowHalfOpen: true }, client => {
    const server = connect({ port: generator.port, host: '127.0.0.1', noDelay: true, allowHalfOpen: true })
    client.on('error', () => server.destroy()).on('close', () => server.destroy())
    server.on('error', () => client.destroy())
    client.pipe(server)
    server.on('end', () => client.end())
    server.on('data', (bytes: Buffer) => {
      if (++replies > 4) bytes[bytes.length - 1] ^= 1 // the long ones ask once while they are made
      client.write(bytes)
    })
  }).listen(0, '127.0.0.1')
  await once(proxy, 'listening')
  t.after(() => proxy.close())
  const { port } = proxy.address() as AddressInfo
  const { short, long } = await soak(generator, port, { connections: 50, held: 4, sliceMs: 1000 }, () => {})
  assert.ok(short.wrong > 0 && long.wrong > 0, `${short.wrong} short ones, ${long.wrong} long ones`)
})
