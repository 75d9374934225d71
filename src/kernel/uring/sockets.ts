/**
 * Direct calls on the sockets of a ring: those of ../sockets.ts, and what is known of dialed
 * sockets, which saves a call and an attempt:
 *
 * - The kernel holds a small segment back only behind another unacknowledged one (Nagle), so the
 *   first send of a socket never waits, and a connection with one request needs no TCP_NODELAY. It
 *   is set before the send after that; not between two of which the first has MSG_MORE, since it
 *   would separate what that holds.
 * - The first receive is asked for as soon as a socket is connected, and finds nothing yet unless
 *   the server speaks first. So the kernel waits before it tries.
 */

import type { Family } from '../../address/address.ts'
import { closeSocket, Sockets } from '../sockets.ts'

/** Of a dialed descriptor. */
const Dialed = {
  /** No send has been asked for. */
  unsent: 1,
  /** Its next send must be preceded by TCP_NODELAY. */
  delays: 2,
  /** No receive has been asked for. */
  unheard: 4,
} as const

export class UringSockets extends Sockets {
  /** By descriptor: 0 for accepted ones, which inherit TCP_NODELAY from their listener. */
  #dialed = new Uint8Array(1024)

  override readonly close = (fd: number): number => {
    this.closes(fd)
    return closeSocket(fd)
  }

  override dial(family: Family, talksFirst: boolean): number {
    const fd = this.open(family, talksFirst)
    if (fd < 0) return fd
    if (fd >= this.#dialed.length) this.#grow(fd)
    this.#dialed[fd] = Dialed.unsent | Dialed.unheard
    return fd
  }

  override resetClose(fd: number): number {
    this.closes(fd)
    return super.resetClose(fd)
  }

  /** Before each receive is asked for; whether it is the first one of a dialed socket. */
  receives(fd: number): boolean {
    // An index beyond the end is undefined, as are those of descriptors that were never dialed.
    const dialed = this.#dialed[fd]
    if ((dialed & Dialed.unheard) === 0) return false
    this.#dialed[fd] = dialed & ~Dialed.unheard
    return true
  }

  /** Before each send is asked for. */
  sends(fd: number, more: boolean): void {
    const dialed = this.#dialed[fd]
    if ((dialed & Dialed.unsent) !== 0) {
      if (!more) this.#dialed[fd] = (dialed & ~Dialed.unsent) | Dialed.delays
    } else if ((dialed & Dialed.delays) !== 0) {
      this.#dialed[fd] = dialed & ~Dialed.delays
      this.setNoDelay(fd)
    }
  }

  /** Before it is closed: its number may be another socket's at once. */
  closes(fd: number): void {
    if (fd < this.#dialed.length) this.#dialed[fd] = 0
  }

  #grow(fd: number): void {
    const longer = new Uint8Array(2 ** Math.ceil(Math.log2(fd + 1)))
    longer.set(this.#dialed)
    this.#dialed = longer
  }
}
