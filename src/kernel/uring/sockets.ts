/**
 * Direct calls on the sockets of a ring: those of ../sockets.ts, and which dialed sockets still
 * delay small segments (Nagle).
 *
 * The kernel holds a small segment back only behind another unacknowledged one, so the first send
 * of a socket never waits, and a connection with one request needs no TCP_NODELAY: a call less. It
 * is set before the send after that; not between two of which the first has MSG_MORE, since it
 * would separate what that holds.
 */

import type { Family } from '../../address/address.ts'
import { closeSocket, Sockets } from '../sockets.ts'

/** Of a descriptor: whether its next send must be preceded by TCP_NODELAY. */
const DELAYS = 1
const HAS_SENT = 2

export class UringSockets extends Sockets {
  /** By descriptor: 0 for accepted ones, which inherit TCP_NODELAY from their listener. */
  #delays = new Uint8Array(1024)

  override readonly close = (fd: number): number => {
    this.closes(fd)
    return closeSocket(fd)
  }

  override dial(family: Family, talksFirst: boolean): number {
    const fd = this.open(family, talksFirst)
    if (fd < 0) return fd
    if (fd >= this.#delays.length) this.#grow(fd)
    this.#delays[fd] = DELAYS
    return fd
  }

  override resetClose(fd: number): number {
    this.closes(fd)
    return super.resetClose(fd)
  }

  /** Before each send is asked for. */
  sends(fd: number, more: boolean): void {
    // An index beyond the end is undefined, as are those of descriptors that were never dialed.
    const delays = this.#delays[fd]
    if (delays === DELAYS && !more) this.#delays[fd] = HAS_SENT
    else if (delays === HAS_SENT) {
      this.#delays[fd] = 0
      this.setNoDelay(fd)
    }
  }

  /** Before it is closed: its number may be another socket's at once. */
  closes(fd: number): void {
    if (fd < this.#delays.length) this.#delays[fd] = 0
  }

  #grow(fd: number): void {
    const longer = new Uint8Array(2 ** Math.ceil(Math.log2(fd + 1)))
    longer.set(this.#delays)
    this.#delays = longer
  }
}
