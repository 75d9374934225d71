import assert from 'node:assert/strict'
import { constants } from 'node:os'
import { test } from 'node:test'
import { Arena } from '../../src/kernel/arena.ts'
import { Errno, errnoName } from '../../src/kernel/errno.ts'
import * as libc from '../../src/kernel/libc.ts'
import { opened, skip } from '../support/uring.ts'

/** mmap(2) */
const MAP_PRIVATE = 2
const MAP_ANONYMOUS = 0x20

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

test('bytes are read and written at low addresses and at high ones', { skip }, t => {
  const arena = opened(Arena.map(4096))
  t.after(() => arena.unmap())
  const high = libc.mmap(4096, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
  assert.ok(high >= 2n ** 31n, `${high}`)
  t.after(() => libc.munmap(high, 4096))
  const bytes = new Uint8Array(libc.memory(high, 4096))
  t.after(() => bytes.buffer.transfer(0))
  assert.equal(libc.pipe2(arena.pointer(0), 0x80000), 0)
  const [readFd, writeFd] = arena.i32
  for (const fd of [readFd, writeFd]) t.after(() => libc.close(fd))
  arena.u8.set([1, 2, 3], 64)
  assert.equal(libc.write(writeFd, arena.base + 64, 3), 3)
  assert.equal(libc.read(readFd, Number(high), 16), 3)
  assert.deepEqual([...bytes.subarray(0, 4)], [1, 2, 3, 0])
  assert.equal(libc.write(writeFd, Number(high) + 1, 2), 2)
  assert.equal(libc.read(readFd, arena.base + 128, 16), 2)
  assert.deepEqual([...arena.u8.subarray(128, 131)], [2, 3, 0])
})

test('an arena is at a low address while there is room, and anywhere then', { skip }, t => {
  const arenas: Arena[] = []
  t.after(() => {
    for (const arena of arenas) arena.unmap()
  })
  for (let each = 0; each < 6; each++) arenas.push(opened(Arena.map(2 ** 29)))
  assert.ok(arenas[0].base < 2 ** 31, `${arenas[0].base}`)
  assert.ok(arenas[5].base >= 2 ** 31, `${arenas[5].base}`)
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
