/**
 * The relay between the two sockets of a connection, and its counts. While weir dials, it keeps the
 * client's bytes (early.ts); from then on each direction has a pump (pump.ts).
 */

import type { Socket } from 'node:net'
import { Counter } from '../../stats/stats.ts'
import { SSL_REQUEST } from '../../wire/postgres-startup.ts'
import { FROM_CLIENT, FROM_UPSTREAM, type From, type Journal } from '../worker/journal.ts'
import type { Early } from './early.ts'
import { Pump } from './pump.ts'
import type { Timing } from './timing.ts'

type RelayOptions = {
  readonly client: { readonly socket: Socket; readonly early: Early }
  readonly timing: Timing
  readonly journal: Journal
  /** Row of the journal. */
  readonly row: number
  readonly counters: Float64Array
  /** weir asks the upstream for TLS first, and the client's bytes wait until it agrees. */
  readonly isHeld: boolean
  /** All bytes of a side have gone on, and its end has. */
  readonly onPassedEnd: (from: From) => void
}

export class Relay {
  readonly #options: RelayOptions
  /** By the side that bytes come from. */
  #pumps: readonly [Pump, Pump] | null = null
  #clientEnded = false
  /** Until `release`. */
  isHeld: boolean

  /** Counts the bytes kept so far, since they will go on. */
  constructor(options: RelayOptions) {
    const { socket, early } = options.client
    this.#options = options
    this.isHeld = options.isHeld
    if (early.bytes > 0) this.#count(FROM_CLIENT, early.bytes)
    if (early.isFull) socket.pause()
  }

  clientSaid(chunk: Buffer): void {
    const { socket, early } = this.#options.client
    this.#count(FROM_CLIENT, chunk.length)
    if (this.#pumps && !this.isHeld) this.#pumps[FROM_CLIENT].write(chunk)
    else {
      early.add(chunk)
      if (early.isFull) socket.pause()
    }
  }

  upstreamSaid(chunk: Buffer): void {
    this.#count(FROM_UPSTREAM, chunk.length)
    this.#pumps?.[FROM_UPSTREAM].write(chunk)
  }

  ended(from: From): void {
    if (from === FROM_CLIENT) this.#clientEnded = true
    if (from === FROM_UPSTREAM || !this.isHeld) this.#pumps?.[from].end()
  }

  /**
   * The upstream is connected. It gets `header` first, then the kept bytes, or a request for TLS.
   */
  join(upstream: Socket, header: Buffer): void {
    const { socket } = this.#options.client
    const toUpstream = this.#pump(socket, upstream, FROM_CLIENT)
    this.#pumps = [toUpstream, this.#pump(upstream, socket, FROM_UPSTREAM)]
    if (header.length > 0) {
      upstream.cork() // into one segment with what follows
      toUpstream.introduce(header)
    }
    if (this.isHeld) toUpstream.introduce(Buffer.from(SSL_REQUEST))
    else this.#flush(toUpstream)
    upstream.uncork()
    if (!this.isHeld && this.#clientEnded) toUpstream.end()
  }

  /**
   * Whether no byte has gone either way. Of bytes that Node was given nobody knows whether the
   * kernel has taken them.
   */
  get isUntouched(): boolean {
    const { journal, row } = this.#options
    return this.#pumps?.[FROM_CLIENT].isUnused === true && journal.isUntouched(row)
  }

  /** The upstream is gone, and another one will join: the client's bytes are kept until then. */
  part(): void {
    this.#pumps = null
  }

  /** The upstream agreed: the client's bytes so far go on. */
  release(): void {
    this.isHeld = false
    this.#options.timing.agreeUntilMs = Number.POSITIVE_INFINITY
    if (this.#pumps === null) return
    this.#flush(this.#pumps[FROM_CLIENT])
    if (this.#clientEnded) this.#pumps[FROM_CLIENT].end()
  }

  #flush(toUpstream: Pump): void {
    for (const chunk of this.#options.client.early.takeAll()) toUpstream.write(chunk)
  }

  /** Whether all bytes of the side have gone on, and its end has. */
  isFinished(from: From): boolean {
    return this.#pumps?.[from].finished === true
  }

  #pump(source: Socket, target: Socket, from: From): Pump {
    const { journal, row, timing, onPassedEnd } = this.#options
    return new Pump(
      source,
      target,
      bytes => journal.delivered(row, from, bytes, timing.nowMs),
      isWaiting => timing.owe(from, isWaiting),
      () => onPassedEnd(from),
    )
  }

  #count(from: From, bytes: number): void {
    const { journal, row, timing, counters } = this.#options
    counters[from === FROM_CLIENT ? Counter.clientBytes : Counter.upstreamBytes] += bytes
    timing.activeMs = timing.nowMs
    journal.received(row, from, bytes, timing.activeMs)
  }
}
