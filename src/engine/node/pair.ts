/**
 * The sockets of one connection: the client's, and the upstream's of the latest attempt. How they
 * end, when all of them are closed, and which of them are not read.
 */

import type { Socket } from 'node:net'
import { resetWhenClosed } from './direct.ts'
import { reset } from './pump.ts'

export const SIDES = ['client', 'upstream'] as const
export type SideName = (typeof SIDES)[number]

type PairOptions = {
  /** A socket is not read any more, or not at the moment. */
  readonly onUnheard: () => void
  readonly onAllClosed: () => void
}

export class Pair {
  readonly client: Socket
  upstream: Socket | null = null
  readonly #options: PairOptions
  #open = 0

  constructor(client: Socket, options: PairOptions) {
    this.client = client
    this.#options = options
    this.#own(client)
  }

  /** The upstream socket of the next attempt. */
  setUpstream(upstream: Socket): void {
    this.upstream = upstream
    this.#own(upstream)
  }

  /** From now on a close of them is an ordinary end, not a reset. */
  endInOrder(): void {
    resetWhenClosed(this.client, false)
    if (this.upstream) resetWhenClosed(this.upstream, false)
  }

  reset(): void {
    reset(this.client)
    if (this.upstream) reset(this.upstream)
  }

  /** The side's socket if it is not read at the moment; null if it is. */
  unheard(side: SideName): Socket | null {
    const socket = this[side]
    return socket && (socket.isPaused() || socket.readableEnded) ? socket : null
  }

  #own(socket: Socket): void {
    const { onUnheard } = this.#options
    this.#open++
    socket.on('close', this.#onClosed)
    socket.on('pause', onUnheard)
    socket.on('end', onUnheard)
    socket.on('end', () => owesNothing(socket))
    socket.on('finish', () => owesNothing(socket))
  }

  readonly #onClosed = (): void => {
    if (--this.#open === 0) this.#options.onAllClosed()
  }
}

/**
 * Node closes a socket by itself once both halves have ended, while the other one may still be
 * written to. That is no reset: it would take what the peer has not read yet.
 */
function owesNothing(socket: Socket): void {
  if (socket.readableEnded && socket.writableFinished) resetWhenClosed(socket, false)
}
