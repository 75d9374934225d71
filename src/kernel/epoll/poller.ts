/**
 * Which descriptors have events: one epoll (epoll(7)).
 *
 * Each descriptor has a mark, which its events return. A number that was closed and reused has a
 * new mark, so late events are recognized.
 */

import type { Arena } from '../arena.ts'
import { Errno } from '../errno.ts'
import * as libc from '../libc.ts'
import { CTL_ADD, CTL_DEL, DATA, EPOLL_CLOEXEC, EVENT_BYTES } from './epoll.ts'

/** Events per call. */
const EVENTS_MAX = 256

export const POLLER_BYTES = EVENTS_MAX * EVENT_BYTES + 128

export class Poller {
  readonly fd: number
  readonly #words: Uint32Array
  readonly #events: number
  readonly #eventsPointer: bigint
  readonly #event: number
  readonly #eventPointer: bigint

  private constructor(arena: Arena, fd: number) {
    this.fd = fd
    this.#words = arena.u32
    const [events, event] = [arena.take(EVENTS_MAX * EVENT_BYTES), arena.take(EVENT_BYTES)]
    this.#events = events / 4
    this.#eventsPointer = arena.pointer(events)
    this.#event = event / 4
    this.#eventPointer = arena.pointer(event)
  }

  /** Takes POLLER_BYTES of the arena; or −errno. */
  static open(arena: Arena): Poller | number {
    const fd = libc.epollCreate(EPOLL_CLOEXEC)
    return fd < 0 ? fd : new Poller(arena, fd)
  }

  /** 0, or −errno: −ENOSPC (fs.epoll.max_user_watches), −ENOMEM. */
  add(fd: number, events: number, mark: number): number {
    this.#words[this.#event] = events
    this.#words[this.#event + DATA] = fd
    this.#words[this.#event + DATA + 1] = mark
    return libc.epollCtl(this.fd, CTL_ADD, fd, this.#eventPointer)
  }

  /** Not needed before a close, which does the same. */
  remove(fd: number): void {
    libc.epollCtl(this.fd, CTL_DEL, fd, this.#eventPointer)
  }

  /** Those of `events` (poll(2)) that hold now, plus ERR and HUP; 0: none. */
  ask(fd: number, events: number): number {
    this.#words[this.#event] = fd
    this.#words[this.#event + 1] = events // and none found yet: struct pollfd
    if (libc.poll(this.#eventPointer, 1, 0) <= 0) return 0
    return this.#words[this.#event + 1] >>> 16
  }

  /** The number of events, after at most `waitMs` (−1: without limit); 0 also after a signal. */
  wait(waitMs: number): number {
    const count = libc.epollWait(this.fd, this.#eventsPointer, EVENTS_MAX, waitMs)
    return count === -Errno.EINTR || count === -Errno.EIO ? 0 : count
  }

  /** The event with this number: what happened, to which descriptor, and its mark. */
  events(index: number): number {
    return this.#words[this.#at(index)]
  }

  descriptor(index: number): number {
    return this.#words[this.#at(index) + DATA]
  }

  mark(index: number): number {
    return this.#words[this.#at(index) + DATA + 1]
  }

  close(): void {
    libc.close(this.fd)
  }

  #at(index: number): number {
    return this.#events + index * (EVENT_BYTES / 4)
  }
}
