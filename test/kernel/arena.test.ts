import assert from 'node:assert/strict'
import { constants } from 'node:os'
import { test } from 'node:test'
import { Arena } from '../../src/kernel/arena.ts'
import { Errno, errnoName } from '../../src/kernel/errno.ts'
import * as libc from '../../src/kernel/libc.ts'
import { opened, skip } from '../support/uring.ts'

test('parts of an arena are aligned, apart from each other, and zero', { skip }, () => {
  const arena = opened(Arena.map(65_536))
  const first = arena.take(3)
  const second = arena.take(100, 4096)
  const third = arena.take(8, 8)
  assert.deepEqual([first % 64, second % 4096, third % 8], [0, 0, 0])
  assert.ok(first + 3 <= second && second + 100 <= third)
  assert.ok(arena.u8.every(byte => byte === 0))
  assert.equal(arena.pointer(second), BigInt(arena.base + second))
  arena.unmap()
})

test('taking more than there is, or nothing, is our bug', { skip }, () => {
  const arena = opened(Arena.map(4096))
  assert.throws(() => arena.take(4097), /bug in weir/)
  assert.throws(() => arena.take(0), /bug in weir/)
  arena.take(4096)
  assert.throws(() => arena.take(1), /bug in weir/)
  assert.throws(() => arena.pointer(4096), /bug in weir/)
  assert.throws(() => Arena.map(0), /bug in weir/)
  assert.throws(() => Arena.map(2 ** 31), /bug in weir/)
  arena.unmap()
})

test('after an arena is unmapped its views are empty', { skip }, () => {
  const arena = opened(Arena.map(4096))
  assert.equal(arena.unmap(), 0)
  assert.deepEqual([arena.u8.length, arena.u16.length, arena.i32.length, arena.u32.length], [0, 0, 0, 0])
})

test('the error numbers are those of this kernel', {
  skip: process.platform !== 'linux' && 'needs Linux',
}, () => {
  const known = new Map(Object.entries(constants.errno))
  for (const [name, number] of Object.entries(Errno)) {
    if (known.has(name)) assert.equal(number, known.get(name), name)
  }
})

test('an error number is named, with either sign', () => {
  assert.equal(errnoName(-111), 'ECONNREFUSED')
  assert.equal(errnoName(104), 'ECONNRESET')
  assert.equal(errnoName(-999), 'errno 999')
})

// Goal: errno is read before V8 can change it. Method: failing calls among garbage, before and
// after optimisation.
test('a failing call says why, however busy the garbage collector is', { skip }, () => {
  let garbage: unknown[] = []
  for (let i = 0; i < 50_000; i++) {
    garbage.push(new Array(20).fill(i))
    if (i % 5000 === 0) garbage = []
    assert.equal(libc.close(-1), -Errno.EBADF)
    assert.equal(libc.listen(0x7fffffff, 1), -Errno.EBADF)
    assert.equal(libc.socket(999, 1, 0), -Errno.EAFNOSUPPORT)
  }
})
