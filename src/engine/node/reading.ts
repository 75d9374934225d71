/**
 * Reading: what a connection says for weir itself, before the decision (../decide/reader.ts). The
 * same as ../flow/reading.ts, on a socket of Node's.
 */

import type { Socket } from 'node:net'
import type { Arrival } from '../decide/arrival.ts'
import { Asked, MORE, refusedFor } from '../decide/reader.ts'
import type { Reception } from '../worker/reception.ts'
import type { Early } from './early.ts'
import type { Timing } from './timing.ts'

type ReadingOptions = {
  readonly arrival: Arrival
  readonly client: Socket
  readonly early: Early
  readonly timing: Timing
  readonly reception: Reception
  /** All is read that a reader takes for itself; what is left is in `early`. */
  readonly onRead: (arrival: Arrival) => void
  readonly onRefused: (reason: number) => void
}

export class Reading {
  readonly #options: ReadingOptions

  constructor(options: ReadingOptions) {
    this.#options = options
    this.#readOn()
  }

  said(chunk: Buffer): void {
    this.#options.early.add(chunk)
    this.#ask(Asked.bytes)
  }

  ended(): void {
    this.#ask(Asked.end)
  }

  /** Its time is up. */
  late(): void {
    this.#ask(Asked.late)
  }

  /** A reader answers; what it takes for itself is gone. */
  #ask(asked: Asked): void {
    const { arrival, client, early, reception, onRead, onRefused } = this.#options
    const answer = reception.read(arrival, early.whole(), asked)
    const reason = refusedFor(answer)
    if (answer === MORE && arrival.reply !== 0) client.write(Uint8Array.of(arrival.reply))
    arrival.reply = 0
    if (answer === MORE) this.#readOn()
    else if (reason >= 0) onRefused(reason)
    else {
      early.skip(answer)
      onRead(arrival)
    }
  }

  #readOn(): void {
    const { arrival, timing } = this.#options
    timing.readUntilMs = arrival.readUntilMs
    timing.watch()
  }
}
