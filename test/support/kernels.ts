/**
 * Kernels for tests, by name: one for a test's whole life, on its own thread. The other end of each
 * connection is a plain blocking socket, so that what a kernel does is seen by somebody else.
 */

import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { Arena } from '../../src/kernel/arena.ts'
import { EpollKernel } from '../../src/kernel/epoll/kernel.ts'
import type { Kernel } from '../../src/kernel/kernel.ts'
import * as libc from '../../src/kernel/libc.ts'
import { createSocketName, writeSocketAddress } from '../../src/kernel/socket-address.ts'
import { Sockets } from '../../src/kernel/sockets.ts'
import { UringKernel } from '../../src/kernel/uring/kernel.ts'
import { closeWake, openWake } from '../../src/kernel/wake.ts'
import { withoutEpoll } from './epoll.ts'
import { descriptor, opened, skip } from './uring.ts'

export const LOOPBACK = [0x7f000001]

type Open = (wakeFd: number) => Kernel | number
type Body = (kernel: Kernel, t: TestContext) => void | Promise<void>

/** Every kernel, and `test` for its tests: skipped, with the reason, if it cannot run. */
export const KERNELS: readonly { name: Kernel['name']; test: (name: string, body: Body) => void }[] = [
  on('uring', UringKernel.open, skip),
  on('epoll', EpollKernel.open, withoutEpoll),
]

function on(name: Kernel['name'], open: Open, skip: string | false): (typeof KERNELS)[number] {
  return {
    name,
    test: (title, body) =>
      test(`${name}: ${title}`, { skip }, async t => {
        const wakeFd = descriptor(openWake())
        const kernel = opened(open(wakeFd))
        try {
          await body(kernel, t)
        } finally {
          kernel.end()
          closeWake(wakeFd)
        }
      }),
  }
}

export type Completion = {
  readonly word: number
  readonly generation: number
  readonly result: number
  readonly flags: number
}

/**
 * The completions that are there at once or after one wait, at most `waitMs`; a wait may end early
 * with none.
 */
export function drain(kernel: Kernel, waitMs = 1000): Completion[] {
  const found: Completion[] = []
  assert.equal(kernel.wait(waitMs), 0)
  while (kernel.next()) {
    const { word, generation, result, flags } = kernel
    found.push({ word, generation, result, flags })
  }
  return found
}

/**
 * How long what has to come may take: nothing but a machine that is busy with other things keeps
 * it.
 */
const PATIENCE_MS = 60_000

/** Waits until `isEnough` returns true for all completions so far. */
export function collectUntil(kernel: Kernel, isEnough: (found: Completion[]) => boolean): Completion[] {
  const found: Completion[] = []
  const endMs = performance.now() + PATIENCE_MS
  while (!isEnough(found)) {
    assert.ok(performance.now() < endMs, `what was to come did not: ${JSON.stringify(found)}`)
    found.push(...drain(kernel, 1_000))
  }
  return found
}

/** The next completions, at least one: unlike `drain`, which may return early with none. */
export const some = (kernel: Kernel): Completion[] => collectUntil(kernel, all => all.length > 0)

/** Waits until `count` completions have come. */
export function collect(kernel: Kernel, count: number): Completion[] {
  const found = collectUntil(kernel, all => all.length >= count)
  assert.equal(found.length, count, JSON.stringify(found))
  return found
}

export const one = (kernel: Kernel): Completion => collect(kernel, 1)[0]

/** That nothing comes by itself. */
export const none = (kernel: Kernel): void => {
  for (let wait = 0; wait < 3; wait++) assert.deepEqual(drain(kernel, wait), [])
}

const PEER_BYTES = 4 << 20

/** The outside world: plain sockets. */
export class World {
  readonly #arena = opened(Arena.map(PEER_BYTES + 65_536))
  readonly #sockets = new Sockets(this.#arena)
  readonly #at = this.#arena.take(PEER_BYTES)
  readonly #pointer = this.#arena.pointer(this.#at)
  readonly #open = new Set<number>()

  listen(backlog = 64): { fd: number; port: number } {
    const fd = this.#note(this.#sockets.listen(4, LOOPBACK, 0, { backlog, dualStack: false }))
    return { fd, port: this.portOf(fd) }
  }

  portOf(listener: number): number {
    const name = createSocketName()
    assert.equal(this.#sockets.localName(listener, name), 0)
    return name.port
  }

  accept(listener: number): number {
    return this.#note(libc.accept4(listener, 0x80000))
  }

  /** @param waits  Whether until it stands. */
  connect(port: number, waits = true): number {
    const fd = this.#note(this.#sockets.dial(4, false))
    if (!waits) this.#sockets.setNonBlocking(fd)
    const bytes = writeSocketAddress(this.#arena, this.#at, 4, LOOPBACK, port)
    const result = libc.connect(fd, this.#arena.base + this.#at, bytes)
    if (waits) assert.equal(result, 0)
    return fd
  }

  send(fd: number, bytes: Uint8Array | string, flags = 0): number {
    const all = Buffer.from(bytes as string)
    this.#arena.u8.set(all, this.#at)
    return libc.send(fd, this.#pointer, all.length, 0x4000 | flags)
  }

  /** What comes, up to `bytes`, or to the end; a string of one character a byte. */
  receive(fd: number, bytes = PEER_BYTES): string {
    let text = ''
    while (text.length < bytes) {
      const result = libc.read(fd, this.#arena.base + this.#at, Math.min(bytes - text.length, PEER_BYTES))
      if (result <= 0) break
      text += Buffer.from(this.#arena.u8.subarray(this.#at, this.#at + result)).toString('latin1')
    }
    return text
  }

  /** TCP_NODELAY of any socket. */
  noDelay(fd: number): number {
    const { i32 } = this.#arena
    i32[this.#at / 4 + 1] = 4
    assert.equal(libc.getsockopt(fd, 6, 1, this.#pointer, this.#arena.pointer(this.#at + 4)), 0)
    return i32[this.#at / 4]
  }

  shutdown(fd: number): void {
    this.#sockets.shutdownWrite(fd)
  }

  reset(fd: number): void {
    this.#open.delete(fd)
    this.#sockets.resetClose(fd)
  }

  close(fd: number): void {
    this.#open.delete(fd)
    libc.close(fd)
  }

  [Symbol.dispose](): void {
    for (const fd of this.#open) libc.close(fd)
    this.#arena.unmap()
  }

  #note(fd: number): number {
    this.#open.add(descriptor(fd))
    return fd
  }
}

export type Pair = { readonly fd: number; readonly peer: number }

/** A connection that the kernel has dialed, to a peer in the world. */
export function dialed(kernel: Kernel, world: World): Pair {
  const listener = world.listen()
  const fd = descriptor(kernel.sockets.dial(4, false))
  kernel.connect(fd, 4, LOOPBACK, listener.port, 0xd1a, 0)
  assert.equal(one(kernel).result, 0)
  const peer = world.accept(listener.fd)
  world.close(listener.fd)
  return { fd, peer }
}

/** One that it has accepted. */
export function accepted(kernel: Kernel, world: World): Pair {
  const listener = listening(kernel)
  kernel.accept(listener, 0xacc, 0)
  kernel.submit()
  const peer = world.connect(world.portOf(listener))
  const fd = descriptor(one(kernel).result)
  kernel.cancel(0xacc, 0, 0xca, 0)
  collect(kernel, 2)
  kernel.sockets.close(listener)
  return { fd, peer }
}

export const listening = (kernel: Kernel): number =>
  descriptor(kernel.sockets.listen(4, LOOPBACK, 0, { backlog: 256, dualStack: false }))

/** A new socket that has this number, which was just closed. */
export function dialAs(kernel: Kernel, fd: number): number {
  const below = [descriptor(kernel.sockets.dial(4, false))]
  while (below[0] !== fd) below.unshift(descriptor(kernel.sockets.dial(4, false)))
  for (const each of below.slice(1)) kernel.sockets.close(each)
  return fd
}

/** The bytes of a receive, one character each; its buffer is given back. */
export function taken(kernel: Kernel, { flags, result }: Completion, pool = kernel.small): string {
  const id = pool.take(flags)
  assert.ok(id >= 0, 'it has a buffer')
  const at = pool.at(id)
  const text = Buffer.from(kernel.memory.u8.subarray(at, at + result)).toString('latin1')
  pool.give(id)
  return text
}

/**
 * The position of `bytes` bytes in its memory that nothing else here uses: the last large buffers.
 */
export const room = ({ large }: Kernel, bytes: number): number =>
  large.at(large.count - Math.ceil(bytes / large.bytesEach))

/** By word, of completions that come in no order. */
export const byWord = (found: readonly Completion[]): Map<number, Completion> =>
  new Map(found.map(each => [each.word, each]))

/** Their results, by word. */
export const results = (found: readonly Completion[]): Record<number, number> =>
  Object.fromEntries(found.map(({ word, result }) => [word, result]))
