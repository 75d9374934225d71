/**
 * One direction of a relay: bytes from one socket to the other, then the end.
 *
 * At most one chunk waits for a slow reader, besides Node's read-ahead and the kernel's buffers:
 * reading pauses as soon as the other socket has not accepted everything. The end is passed on only
 * if nothing waits, so that until then the other socket can still be reset (libuv refuses to reset
 * a socket whose shutdown is pending).
 */

import type { Socket } from 'node:net'

export class Pump {
  readonly #from: Socket
  readonly #to: Socket
  readonly #onDelivered: (bytes: number) => void
  readonly #onWaiting: (isWaiting: boolean) => void
  readonly #onEnd: () => void
  #ended = false
  #written = 0
  #delivered = 0
  /** The end was passed on; no byte follows. */
  finished = false

  /**
   * @param onDelivered  Called with the number of bytes that the kernel took.
   * @param onWaiting    Called when bytes begin to wait for the kernel to take them, again whenever
   * it has taken some of them, and when none wait any more.
   * @param onEnd        Called once, when the end was passed on.
   */
  constructor(
    from: Socket,
    to: Socket,
    onDelivered: (bytes: number) => void,
    onWaiting: (isWaiting: boolean) => void,
    onEnd: () => void,
  ) {
    this.#from = from
    this.#to = to
    this.#onDelivered = onDelivered
    this.#onWaiting = onWaiting
    this.#onEnd = onEnd
  }

  /** Whether nothing at all was written: neither bytes nor an end. */
  get isUnused(): boolean {
    return this.#written === 0 && !this.#ended
  }

  /** Passes on a chunk. */
  write(chunk: Buffer): void {
    if (!this.#to.writable) return // it failed in this turn; its 'error' is about to say so
    this.#written += chunk.length
    this.#to.write(chunk, this.#onTaken)
    if (this.#to.writableLength === 0) return
    if (!this.#from.isPaused()) this.#onWaiting(true)
    this.#from.pause()
  }

  /** Sends weir's own bytes: they are not counted. */
  introduce(header: Buffer): void {
    this.#written += header.length
    this.#delivered += header.length
    this.#to.write(header, this.#onTaken)
  }

  /** No further chunk will follow. */
  end(): void {
    this.#ended = true
    if (this.#to.writableLength === 0) this.#finish()
  }

  readonly #onTaken = (error?: Error | null): void => {
    if (error) return
    const before = this.#delivered
    this.#delivered = Math.max(before, this.#written - this.#to.writableLength)
    if (this.#delivered > before) {
      this.#onDelivered(this.#delivered - before)
      this.#onWaiting(this.#to.writableLength > 0)
    }
    if (this.#to.writableLength > 0) return
    if (this.#ended) this.#finish()
    else if (this.#from.isPaused()) this.#from.resume()
  }

  #finish(): void {
    if (this.finished || !this.#to.writable) return
    this.finished = true
    this.#to.end()
    this.#onEnd()
  }
}

/**
 * Resets a socket in any state: its peer must not take the bytes so far for the complete stream.
 *
 * A connecting socket is only destroyed. One whose shutdown is pending cannot be reset yet; since
 * nothing waited at the shutdown, that takes at most a turn of the event loop.
 */
export function reset(socket: Socket): void {
  if (socket.destroyed) return
  if (socket.connecting) socket.destroy()
  else if (socket.writableEnded && !socket.writableFinished) socket.once('finish', () => reset(socket))
  else socket.resetAndDestroy()
}
