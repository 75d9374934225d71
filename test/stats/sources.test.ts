/** Sources of connections: what one may have at a time and a second, exactly, over all workers. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Worker } from 'node:worker_threads'
import { parseInto } from '../../src/address/address.ts'
import { createConnections, Live, LiveHead, liveAt, openConnections } from '../../src/stats/connections.ts'
import { giveLost } from '../../src/stats/lost-sources.ts'
import {
  connectionsOf,
  countSources,
  createSources,
  holdOf,
  openSources,
  type Sources,
  sourceTableFull,
} from '../../src/stats/source-table.ts'
import type { AskedLimit } from '../../src/stats/source-tokens.ts'
import {
  giveRow,
  giveSource,
  letGo,
  NO_ROOM,
  REFUSED,
  setSource,
  takeSource,
} from '../../src/stats/sources.ts'

const ROOM = 1024

const limit = (more: Partial<AskedLimit>): AskedLimit => ({
  slot: 1,
  connections: 0,
  rate: 0,
  burst: 0,
  ...more,
})

function take(
  sources: Sources,
  address: string,
  asked: AskedLimit,
  nowMs = 0,
  bits = address.includes(':') ? 64 : 32,
  worker = 0,
): number {
  const words = new Uint32Array(4)
  const family = parseInto(address, words, 0)
  setSource(asked.slot, family, words, bits)
  return takeSource(sources, asked, nowMs, holdOf(worker, 0))
}

test('a source has as many connections as it may, and each that ends makes room for one', () => {
  const sources = openSources(createSources(1))
  const asked = limit({ connections: 2 })
  const first = take(sources, '10.0.0.1', asked)
  assert.equal(take(sources, '10.0.0.1', asked), first)
  assert.equal(connectionsOf(sources, first), 2)
  assert.equal(take(sources, '10.0.0.1', asked), REFUSED)
  assert.equal(connectionsOf(sources, first), 2, 'who is refused holds nothing')
  assert.ok(take(sources, '10.0.0.2', asked) >= 0, 'another address is another source')
  giveSource(sources, first)
  assert.equal(take(sources, '10.0.0.1', asked), first)
  assert.equal(countSources(sources), 2)
})

test('the first bits of an address are the source, and each limit has its own', () => {
  const sources = openSources(createSources(1))
  const one = limit({ connections: 1 })
  assert.ok(take(sources, '10.0.0.1', one, 0, 24) >= 0)
  assert.equal(take(sources, '10.0.0.250', one, 0, 24), REFUSED)
  assert.ok(take(sources, '10.0.1.1', one, 0, 24) >= 0)
  assert.ok(take(sources, '2001:db8::1', one) >= 0)
  assert.equal(take(sources, '2001:db8::ffff:1', one), REFUSED)
  assert.ok(take(sources, '2001:db8:0:1::1', one) >= 0)
  assert.ok(take(sources, '10.0.0.1', { ...one, slot: 2 }, 0, 24) >= 0)
})

test('a burst comes at once, then the rate, and a pause brings the burst back', () => {
  const sources = openSources(createSources(1))
  const asked = limit({ rate: 10, burst: 3 })
  const start = 2 ** 32 - 100 // the clock passes 2^32 meanwhile
  const came = (atMs: number): number => {
    let count = 0
    while (take(sources, '10.0.0.1', asked, start + atMs) >= 0) count++
    return count
  }
  assert.deepEqual([0, 50, 100, 150, 199, 300, 10_000].map(came), [3, 0, 1, 0, 0, 2, 3])
})

test('where there is no room nobody new is limited, and that is counted', () => {
  const sources = openSources(createSources(1, ROOM))
  const asked = limit({ connections: 1 })
  const taken: number[] = []
  for (let each = 0; taken.length < 2 * ROOM; each++)
    taken.push(take(sources, `10.${(each >> 16) & 255}.${(each >> 8) & 255}.${each & 255}`, asked))
  const without = taken.filter(entry => entry === NO_ROOM).length
  assert.ok(taken.every(entry => entry >= 0 || entry === NO_ROOM))
  assert.equal(without, sourceTableFull(sources))
  assert.equal(countSources(sources), ROOM, 'every bucket is full')
  assert.equal(without, ROOM)
  // What is idle makes room.
  for (const entry of taken) if (entry >= 0) giveSource(sources, entry)
  const now = take(sources, '192.0.2.1', asked)
  assert.ok(now >= 0)
  assert.equal(connectionsOf(sources, now), 1)
})

test('an entry whose tokens are not all back is not given to another', () => {
  const sources = openSources(createSources(1, ROOM))
  const asked = limit({ rate: 1, burst: 1 })
  for (let each = 0; each < 2 * ROOM; each++) {
    const entry = take(sources, `10.${(each >> 16) & 255}.${(each >> 8) & 255}.${each & 255}`, asked, 0)
    if (entry >= 0) giveSource(sources, entry)
  }
  const full = sourceTableFull(sources)
  assert.ok(full > 0)
  assert.equal(take(sources, '192.0.2.1', asked, 500), NO_ROOM)
  assert.ok(take(sources, '192.0.2.1', asked, 1000) >= 0)
})

/** Calls `action` until it has done `steps` operations of Atomics that write, and no further. */
function dieAfter(steps: number, action: () => void): 'died' | 'lived' {
  const names = ['store', 'add', 'sub', 'exchange', 'compareExchange'] as const
  const real = names.map(name => Atomics[name])
  const death = new Error('died')
  let left = steps
  for (const [index, name] of names.entries())
    Object.assign(Atomics, {
      [name]: (...args: readonly unknown[]) => {
        if (left-- === 0) throw death
        return Reflect.apply(real[index], Atomics, args)
      },
    })
  try {
    action()
    return 'lived'
  } catch (error) {
    assert.equal(error, death)
    return 'died'
  } finally {
    for (const [index, name] of names.entries()) Object.assign(Atomics, { [name]: real[index] })
  }
}

const ADDRESS = '10.0.0.1'

/** What dies: another connection of a source is counted, written down, and ends. */
function live(sources: Sources, rows: Int32Array, asked: AskedLimit): void {
  const entry = take(sources, ADDRESS, asked, 0)
  Atomics.store(rows, LiveHead.used, 2)
  rows[liveAt(1) + Live.source] = entry + 1
  letGo(sources, 0)
  for (const row of [1, 0]) giveRow(sources, 0, rows, liveAt(row))
}

for (const [name, before, isFull] of [
  ['of a source that it and another worker have', 1, false],
  ['of a source that is new', 0, false],
  ['of a source that takes the place of an idle one', 0, true],
] as const)
  test(`a worker that dies at any step leaves exactly what others have: ${name}`, () => {
    const asked = limit({ connections: 9 })
    let steps = 0
    for (let end = ''; end !== 'lived'; steps++) {
      const sources = openSources(createSources(2, 32))
      const rows = [0, 1].map(() => openConnections(createConnections(4)).words)
      if (isFull)
        for (let each = 0; each < 32; each++) giveSource(sources, take(sources, `192.0.2.${each}`, asked))
      for (const [worker, own] of rows.entries()) {
        if (before === 0) continue
        own[LiveHead.used] = 1
        own[liveAt(0) + Live.source] = 1 + take(sources, ADDRESS, asked, 0, 32, worker)
        letGo(sources, worker)
      }
      end = dieAfter(steps, () => live(sources, rows[0], asked))
      giveLost(sources, 0, rows)
      const entry = take(sources, ADDRESS, asked, 0, 32, 1)
      assert.equal(connectionsOf(sources, entry), before + 1, `after ${steps} steps`)
      assert.equal(countSources(sources), isFull ? 32 : 1)
      letGo(sources, 1)
      giveSource(sources, entry)
      giveRow(sources, 1, rows[1], liveAt(0))
      assert.equal(connectionsOf(sources, entry), 0, `after ${steps} steps`)
      for (let each = 0; each < 9; each++) assert.ok(take(sources, ADDRESS, asked) >= 0)
      assert.equal(take(sources, ADDRESS, asked), REFUSED)
      assert.equal(sourceTableFull(sources), 0)
    }
    assert.ok(steps > 8, `${steps} steps`)
  })

test('threads that take and give at once never have more than the limit', async () => {
  const buffer = createSources(3)
  const shared = new Int32Array(new SharedArrayBuffer(64 * 4))
  const code = `
    const { workerData } = require('node:worker_threads')
    Promise.all(workerData.modules.map(module => import(module))).then(modules => {
      const { openSources, setSource, takeSource, giveSource, holdOf } = Object.assign({}, ...modules)
      const sources = openSources(workerData.buffer)
      const shared = workerData.shared
      const asked = { slot: 1, connections: 2, rate: 0, burst: 0 }
      const hold = holdOf(workerData.index, 0)
      let worst = 0
      for (let round = 0; round < 60000; round++) {
        const key = (round * 7 + workerData.index) % 16 + 1
        setSource(1, 4, Uint32Array.of(key + Math.floor(round / 2000) * 100, 0, 0, 0), 32)
        const entry = takeSource(sources, asked, 0, hold)
        if (entry < 0) continue
        const place = key + 16 * (Math.floor(round / 2000) % 2)
        giveSource(sources, entry)
      }
      for (let round = 0; round < 60000; round++) {
        setSource(1, 4, Uint32Array.of(0x0b000000 + (round % 4), 0, 0, 0), 32)
        const entry = takeSource(sources, asked, 0, hold)
        if (entry < 0) continue
        worst = Math.max(worst, Atomics.add(shared, round % 4, 1) + 1)
        Atomics.sub(shared, round % 4, 1)
        giveSource(sources, entry)
      }
      Atomics.store(shared, 32 + workerData.index, worst)
    })`
  const modules = ['sources', 'source-table'].map(
    name => new URL(`../../src/stats/${name}.ts`, import.meta.url).href,
  )
  const workers = [0, 1, 2].map(
    index => new Worker(code, { eval: true, workerData: { modules, buffer, shared, index } }),
  )
  await Promise.all(
    workers.map(
      worker => new Promise((resolve, reject) => worker.once('exit', resolve).once('error', reject)),
    ),
  )
  const sources = openSources(buffer)
  for (const index of [0, 1, 2])
    assert.ok(shared[32 + index] >= 1 && shared[32 + index] <= 2, `${shared[32 + index]} at once`)
  assert.equal(countSources(sources), 16 * 30 + 4, 'each key has one entry')
  assert.equal(sourceTableFull(sources), 0, 'there was room for all')
})
