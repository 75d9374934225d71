/**
 * Receiving and sending on sockets that do not block, by read(2) and write(2), whose three
 * arguments node:ffi passes in half the time of the four of recv(2) and send(2).
 *
 * Each socket receives once per turn; one with more data waits for the next turn, so no flow
 * starves behind a fast one.
 */

import type { Arena } from '../arena.ts'
import { Errno } from '../errno.ts'
import { MORE, NONEMPTY } from '../kernel.ts'
import * as libc from '../libc.ts'
import { Known, RECEIVE, SEND } from './descriptors.ts'
import { ERR, RDHUP } from './epoll.ts'
import type { Pool } from './pool.ts'
import type { EpollSockets } from './sockets.ts'
import type { Waiting } from './waiting.ts'

const MSG_MORE = 0x8000
/** A call whose errno was lost (libc.ts) is repeated a few times. */
const ATTEMPTS = 4

type BytesOptions = {
  readonly arena: Arena
  readonly waiting: Waiting
  readonly sockets: EpollSockets
  readonly small: Pool
  readonly large: Pool
}

export class Bytes {
  readonly #base: number
  readonly #waiting: Waiting
  readonly #sockets: EpollSockets
  readonly #small: Pool
  readonly #large: Pool

  constructor({ arena, waiting, sockets, small, large }: BytesOptions) {
    this.#base = arena.base
    this.#waiting = waiting
    this.#sockets = sockets
    this.#small = small
    this.#large = large
  }

  /** For the pending receive, whose socket may be readable. */
  receive(fd: number, turn: number): void {
    const { descriptors } = this.#waiting
    if (descriptors.turn[fd] === turn) {
      this.#waiting.lookAgain(fd)
      return
    }
    descriptors.turn[fd] = turn
    const pool = (descriptors.known[fd] & Known.large) !== 0 ? this.#large : this.#small
    if (pool.free === 0) {
      this.#waiting.finish(fd, RECEIVE, -Errno.ENOBUFS, 0)
      return
    }
    const result = readAtLast(fd, pool.next, pool.bytesEach)
    if (result > 0) this.#received(fd, pool, result)
    else if (result === -Errno.EAGAIN) descriptors.known[fd] &= ~Known.readable
    else {
      if (result === 0) descriptors.known[fd] |= Known.ended
      this.#waiting.finish(fd, RECEIVE, result, 0)
    }
  }

  #received(fd: number, pool: Pool, bytes: number): void {
    const { known, seen } = this.#waiting.descriptors
    const flags = pool.fill()
    // A short receive has emptied the socket, unless it stopped at urgent data or before an error.
    // Later bytes cause another event.
    if (bytes < pool.bytesEach && (known[fd] & Known.urgent) === 0 && (seen[fd] & ERR) === 0) {
      if ((seen[fd] & RDHUP) !== 0) known[fd] |= Known.ended
      else known[fd] &= ~Known.readable
    }
    const isEnded = (known[fd] & Known.ended) !== 0
    const nonempty = isEnded ? flags | NONEMPTY : flags
    if ((known[fd] & Known.repeats) === 0) {
      this.#waiting.finish(fd, RECEIVE, bytes, nonempty)
      return
    }
    this.#waiting.tell(fd, RECEIVE, bytes, nonempty | MORE)
    if (isEnded) this.#waiting.finish(fd, RECEIVE, 0, 0)
    else if ((known[fd] & Known.readable) !== 0) this.#waiting.lookAgain(fd)
  }

  /** Bytes sent, or −errno. */
  send(fd: number, at: number, bytes: number, more: boolean): number {
    const pointer = this.#base + at
    let result = -Errno.EIO
    for (let attempt = 0; result === -Errno.EIO && attempt < ATTEMPTS; attempt++)
      result = more ? libc.send(fd, BigInt(pointer), bytes, MSG_MORE) : libc.write(fd, pointer, bytes)
    if ((this.#waiting.descriptors.known[fd] & Known.delays) !== 0) this.#undelay(fd, more)
    return result
  }

  /**
   * From the second send on nothing is delayed. Not before it: that would separate it from what
   * MSG_MORE holds.
   */
  #undelay(fd: number, more: boolean): void {
    const { known } = this.#waiting.descriptors
    if ((known[fd] & Known.sent) !== 0 && !more) this.#sockets.setNoDelay(fd)
    if (!more) known[fd] |= Known.sent
  }

  /** The rest of the pending send, which may take several turns. */
  sendOn(fd: number): void {
    const { sendAt, sendLeft, sendDone, known } = this.#waiting.descriptors
    const result = this.send(fd, sendAt[fd], sendLeft[fd], (known[fd] & Known.more) !== 0)
    if (result > 0) {
      sendAt[fd] += result
      sendLeft[fd] -= result
      sendDone[fd] += result
      if (sendLeft[fd] === 0) this.#waiting.finish(fd, SEND, sendDone[fd], 0)
    } else if (result !== -Errno.EAGAIN) this.#waiting.end(fd, SEND, result)
  }
}

/** A lost errno may have been the one before an end: it counts as a reset. */
function readAtLast(fd: number, pointer: number, bytes: number): number {
  let result = libc.read(fd, pointer, bytes)
  if (result !== -Errno.EIO) return result
  for (let attempt = 1; result === -Errno.EIO && attempt < ATTEMPTS; attempt++)
    result = libc.read(fd, pointer, bytes)
  return result === 0 ? -Errno.ECONNRESET : result
}
