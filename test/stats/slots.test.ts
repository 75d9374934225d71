import assert from 'node:assert/strict'
import { test } from 'node:test'
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
