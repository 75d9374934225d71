/** Goal: the garbage of a large compilation does not stay resident while its thread waits. */

import { ok } from 'node:assert/strict'
import { test } from 'node:test'
import { getHeapStatistics } from 'node:v8'
import { collectIfLarge } from '../../src/control/compile/collect.ts'

test('garbage is given back', () => {
  const heap = (): number => getHeapStatistics().total_heap_size
  let kept: object[] = Array.from({ length: 3_000_000 }, (_, index) => ({ index }))
  const before = heap()
  collectIfLarge()
  ok(heap() > before / 2, 'what is in use stays')
  kept = kept.slice(0, 1)
  collectIfLarge()
  ok(heap() < before / 2, `${heap()} bytes of ${before} stay`)
  ok(kept.length === 1)
})

test('a little of it waits for more, where nothing large was given up', () => {
  const heap = (): number => getHeapStatistics().used_heap_size
  const kept = Array.from({ length: 2_000_000 }, (_, index) => ({ index }))
  collectIfLarge()
  const garbage = (count: number) => Array.from({ length: count }, (_, index) => ({ index })).length
  garbage(300_000)
  const before = heap()
  collectIfLarge(true)
  ok(heap() >= before, `${heap()} bytes of ${before}`)
  garbage(2_000_000)
  collectIfLarge(true)
  ok(heap() < before, `${heap()} bytes of ${before}`)
  ok(kept.length > 0)
})
