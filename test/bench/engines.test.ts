/**
 * The bench `engines` in small: replies are checked and every figure is there. Never how fast
 * anyone is.
 */

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, connect, createServer } from 'node:net'
import { type TestContext, test } from 'node:test'
import { CONTENDERS } from '../../bench/engines/contenders.ts'
import { latencyText } from '../../bench/engines/latency.ts'
import { benchEngines } from '../../bench/engines.ts'
import { Bench } from '../../bench/harness.ts'
import { Generator } from '../../bench/load/generator.ts'
import type { LoadJob } from '../../bench/load/job.ts'
import { monotonicMs } from '../../src/base/clock.ts'
import { fullOnly } from '../support/full.ts'
import { skip } from '../support/uring.ts'

const bench = new Bench({ name: 'engines', scale: 'small', onGroup: () => {} })
const wholeSkip = skip || fullOnly
if (wholeSkip === false) await benchEngines(bench)

const AXES = ['new', 'requests', 'bulk', 'latency']

for (const { name, bulkOnly, missing } of CONTENDERS) {
  const why = missing()
  test(`engines measures ${name} on every axis`, { skip: wholeSkip || why || false }, () => {
    const groups = bench.results.filter(each => each.name.startsWith(name)).map(({ group }) => group)
    const axes = new Set(groups.map(group => group.split(' ')[0].replace(',', '')))
    assert.deepEqual([...axes], bulkOnly ? ['bulk'] : AXES)
  })
  if (why === '') continue
  test(`engines says how to get ${name}, which is missing here`, { skip: wholeSkip }, () => {
    assert.ok(bench.statements.includes(`${name} is left out: ${why}`))
  })
}

test('every figure of engines is a number, and no connection has failed', { skip: wholeSkip }, () => {
  for (const { group, name, rounds } of bench.results) {
    assert.ok(rounds.length > 0 && rounds.every(Number.isFinite), `${group}: ${name}`)
    assert.doesNotMatch(group, /: failed/)
  }
})

const job: LoadJob = {
  kind: 'requests',
  port: 0,
  clients: 4,
  durationMs: 50,
  perSecond: 0,
  mebibytes: 0,
}

test('a reply with one wrong byte is found, short or long', { skip }, async t => {
  const generator = await started(t)
  const port = await proxy(t, generator.port, bytes => {
    bytes[bytes.length - 1] ^= 1
    return bytes
  })
  assert.ok((await generator.load({ ...job, kind: 'connections', port })).wrong > 0)
  const shifted = await proxy(t, generator.port, bytes =>
    Buffer.concat([bytes.subarray(1), bytes.subarray(0, 1)]),
  )
  assert.ok((await generator.load({ ...job, kind: 'bulk', mebibytes: 2, port: shifted })).wrong > 0)
  const right = await generator.load({ ...job, kind: 'bulk', mebibytes: 2, port: generator.port })
  assert.deepEqual([right.wrong, right.failed, right.done], [0, 0, 4])
})

test('a server that ends without a reply is a failure, not a result', { skip }, async t => {
  const generator = await started(t)
  const server = createServer(socket => socket.on('error', () => {}).destroy())
  const port = await listening(t, server)
  const { done, failed } = await generator.load({ ...job, kind: 'connections', port })
  assert.equal(done, 0)
  assert.ok(failed > 0)
})

for (const kind of ['requests', 'connections'] as const) {
  test(`in the open loop a stall is charged to all ${kind} that it kept waiting`, { skip }, async t => {
    const generator = await started(t)
    const stallMs = 300
    let [seen, untilMs] = [0, 0]
    const hold = (): number => {
      seen++
      if (seen === job.clients + 1) untilMs = monotonicMs() + stallMs // kept ones ask once before time counts
      return Math.max(0, untilMs - monotonicMs())
    }
    const port = await proxy(t, generator.port, bytes => bytes, hold)
    const { latencyNs, done } = await generator.load({ ...job, kind, port, perSecond: 1000, durationMs: 200 })
    assert.equal(done, 200)
    assert.ok(latencyNs.p50 > 50e6, `the median of all is ${latencyNs.p50} ns`)
  })
}

async function started(t: TestContext): Promise<Generator> {
  const generator = await Generator.start()
  t.after(() => generator.stop())
  return generator
}

/** A proxy that changes replies, and holds requests back while `delayMs` says so. */
async function proxy(
  t: TestContext,
  serverPort: number,
  change: (bytes: Buffer) => Buffer,
  delayMs: () => number = () => 0,
): Promise<number> {
  const server = createServer({ noDelay: true, allowHalfOpen: true }, client => {
    const upstream = connect({ port: serverPort, host: '127.0.0.1', noDelay: true, allowHalfOpen: true })
    client.on('error', () => upstream.destroy()).on('close', () => upstream.destroy())
    upstream.on('error', () => client.destroy())
    client.on('data', bytes => {
      const waitMs = delayMs()
      if (waitMs === 0) upstream.write(bytes)
      else setTimeout(() => upstream.write(bytes), waitMs)
    })
    upstream.on('data', (bytes: Buffer) => client.write(change(bytes))).on('end', () => client.end())
  })
  return listening(t, server)
}

async function listening(t: TestContext, server: ReturnType<typeof createServer>): Promise<number> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => server.close())
  return (server.address() as AddressInfo).port
}

test('a verdict on p99 is given only where the rounds tell the two apart', () => {
  const [ours, peer] = [
    { name: 'weir', ns: 400_000 },
    { name: 'haproxy', ns: 500_000 },
  ]
  const differing = (by: number) => Array.from({ length: 24 }, (_, round) => by + (round % 5) * 1000)
  const text = (rounds: readonly number[]) => latencyText(ours, peer, rounds)
  assert.match(
    text(differing(-100_000)),
    /400 µs, of haproxy 500 µs: better by 98.0 µs \(97.0 µs to 99.0 µs\)/,
  )
  assert.match(text(differing(100_000)), /worse by 102 µs \(101 µs to 103 µs\)/)
  assert.match(text(differing(-2000)), /cannot be told apart/)
})
