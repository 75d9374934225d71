/**
 * Moves bytes between TLS sessions and buffers (queues.ts): all that a session has, in as few
 * buffers as there are. A session has to be emptied at once, since others need its memory.
 */

import type { BufferPool } from '../../kernel/kernel.ts'
import type { Session } from '../../tls/session.ts'
import type { Queues } from './queues.ts'

/** A result beside those of `Session.read`: what was left to read is lost. */
export const NO_BUFFER = -3

/** Bytes in a buffer that belongs to whoever has this. */
export type Piece = { readonly buffer: number; readonly bytes: number }

export class TlsPieces {
  readonly #queues: Queues

  constructor(queues: Queues) {
    this.#queues = queues
  }

  /**
   * What is decrypted, into `pieces`; returns what `read` says last, or NO_BUFFER.
   *
   * @param first  A buffer to use or to give back; −1: there was none.
   */
  read(session: Session, first: number, pieces: Piece[]): number {
    const queues = this.#queues
    for (let buffer = first, filled = 0; buffer >= 0; ) {
      const room = this.#poolOf(buffer).bytesEach - filled
      const read = session.read(queues.placeOf(buffer) + filled, room)
      if (read > 0) filled += read
      if (read > 0 && read < room) continue
      this.#keep(buffer, filled, pieces)
      if (read <= 0) return read
      buffer = this.#borrow(session.pending())
      filled = 0
    }
    return this.#giveUp(session)
  }

  /** What is encrypted, into `pieces`; false: no buffer is left for some of it. */
  take(session: Session, first: number, pieces: Piece[]): boolean {
    for (let buffer = first; buffer >= 0; buffer = this.#queues.borrow(false)) {
      const { roomEach } = this.#poolOf(buffer)
      const bytes = session.take(this.#queues.placeOf(buffer), roomEach)
      this.#keep(buffer, bytes, pieces)
      if (bytes < roomEach) return true
    }
    this.#giveUp(session)
    return false
  }

  give(pieces: Piece[]): void {
    for (const { buffer } of pieces.splice(0)) this.#queues.give(buffer)
  }

  #keep(buffer: number, bytes: number, pieces: Piece[]): void {
    if (bytes > 0) pieces.push({ buffer, bytes })
    else this.#queues.give(buffer)
  }

  #giveUp(session: Session): typeof NO_BUFFER {
    session.discard()
    return NO_BUFFER
  }

  /** For so many bytes, or for some of them; −1: none. */
  #borrow(bytes: number): number {
    const queues = this.#queues
    const buffer = bytes > queues.small.bytesEach ? queues.borrow(true) : -1
    return buffer < 0 ? queues.borrow(false) : buffer
  }

  #poolOf(buffer: number): BufferPool {
    const { small, large } = this.#queues
    return this.#queues.isLarge(buffer) ? large : small
  }
}
