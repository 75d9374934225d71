import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import { Worker } from 'node:worker_threads'
import { createSlots, NO_COUNTS, SLOTS_MAX, Slots } from '../../src/stats/counter-slots.ts'

test('an identity keeps its slot over generations and over a new compiling thread', () => {
  const buffer = createSlots()
  const first = new Slots(buffer, 1, NO_COUNTS)
  const a = first.slotOf('endpoint 10.0.0.1 80')
  const b = first.slotOf('endpoint 10.0.0.2 80')
  assert.ok(a > 0 && b > 0 && a !== b)
  const second = new Slots(buffer, 2, NO_COUNTS)
  assert.equal(second.slotOf('endpoint 10.0.0.2 80'), b)
  assert.equal(second.slotOf('endpoint 10.0.0.1 80'), a)
})

test('a slot is given to another only when no recent table and no connection knows it', () => {
  const buffer = createSlots()
  const first = new Slots(buffer, 1, NO_COUNTS)
  const old = first.slotOf('old')
  const busy = first.slotOf('busy')
  const fill = new Slots(buffer, 2, NO_COUNTS)
  for (let i = 0; i < SLOTS_MAX - 3; i++) assert.ok(fill.slotOf(`filler ${i}`) > 0)
  assert.equal(fill.slotOf('no room while generation 1 may still be read'), 0)
  assert.equal(fill.overflowed, 1)
  const later = new Slots(buffer, 3, { ...NO_COUNTS, inUse: slot => slot === busy })
  assert.equal(later.slotOf('new'), old)
  assert.equal(later.slotOf('another'), 0)
  assert.equal(later.slotOf('busy'), busy)
})

test('a slot is reset when it goes to an identity that had none, and only then', () => {
  const buffer = createSlots()
  const taken: number[] = []
  const counts = { ...NO_COUNTS, reset: (slot: number) => taken.push(slot) }
  const slot = new Slots(buffer, 1, counts).slotOf('route a')
  new Slots(buffer, 2, counts).slotOf('route a')
  assert.deepEqual(taken, [slot])
})

test('two threads that give out slots at once give each identity one, and no slot to two', async () => {
  const [buffer, count, threads] = [createSlots(), 4_000, 3]
  const source = new URL('../support/slots-worker.ts', import.meta.url)
  const running = Array.from(
    { length: threads },
    (_, thread) => new Worker(source, { workerData: { buffer, count, thread } }),
  )
  const given = await Promise.all(running.map(async each => (await once(each, 'message'))[0] as number[]))
  const slots = new Slots(buffer, 1, NO_COUNTS)
  for (let identity = 0; identity < count; identity++) {
    const slot = slots.slotOf(`${identity}`)
    for (const each of given) assert.equal(each[identity], slot)
  }
  assert.equal(new Set(given[0]).size, count)
})

test('a slot that its generation gives back goes to another, unless it counts or a next table has it', () => {
  const buffer = createSlots()
  const slots = new Slots(buffer, 5, { ...NO_COUNTS, inUse: slot => slot === 2 })
  const [gone, busy, wanted] = ['gone', 'busy', 'wanted'].map(slots.slotOf)
  assert.equal(busy, 2)
  new Slots(buffer, 6, NO_COUNTS).slotOf('wanted') // the compiling thread, for the next table
  slots.release([gone, busy, wanted])
  const next = new Slots(buffer, 5, NO_COUNTS)
  assert.equal(next.slotOf('busy'), busy)
  assert.equal(next.slotOf('new'), gone)
  assert.ok(next.slotOf('newer') > wanted)
})

test('identities that come and go for ever find a slot each, and are found again', () => {
  const buffer = createSlots()
  for (let round = 1; round < 7; round++) {
    const slots = new Slots(buffer, 2 * round, NO_COUNTS)
    const given = Array.from({ length: 18_000 }, (_, index) => slots.slotOf(`${round} ${index}`))
    assert.equal(new Set(given).size, given.length)
    assert.equal(slots.overflowed, 0)
    for (let index = 0; index < given.length; index += 1000)
      assert.equal(new Slots(buffer, 2 * round, NO_COUNTS).slotOf(`${round} ${index}`), given[index])
  }
})
