/**
 * The client's side of one connection: what it says goes to the readers until the decision, and to
 * the relay from then on. Where its TLS ends here, that comes between.
 *
 *   socket ─▶ readers ─▶ handshake? ─▶ TLS over the socket ─▶ (decision) ─▶ relay
 */

import type { Socket } from 'node:net'
import { Reason } from '../../stats/reasons.ts'
import type { TlsServer } from '../../table/plan/tls.ts'
import type { Arrival } from '../decide/arrival.ts'
import { FROM_CLIENT } from '../worker/journal.ts'
import type { Reception } from '../worker/reception.ts'
import type { Account } from './account.ts'
import { Early } from './early.ts'
import { Reading } from './reading.ts'
import type { Relay } from './relay.ts'
import { terminate } from './terminating.ts'
import type { Timing } from './timing.ts'
import type { TlsContexts } from './tls-contexts.ts'
import type { TlsEnd } from './tls-end.ts'

type ClientSideOptions = {
  readonly raw: Socket
  readonly account: Account
  readonly timing: Timing
  readonly reception: Reception
  readonly contexts: TlsContexts
  /** All that the decision needs is known. */
  readonly onHeard: (arrival: Arrival) => void
  /** The connection ends for this reason. */
  readonly onRejected: (reason: number) => void
  /** Its socket has failed, or its TLS after the handshake. */
  readonly onSocketFailed: (error: Pick<NodeJS.ErrnoException, 'code' | 'errno'>) => void
}

export class ClientSide {
  /** Its bytes that nobody has taken yet. */
  readonly early = new Early()
  /** What is read from and written to: its socket, or TLS over it. */
  socket: Socket
  /** Where its TLS ends; null: it speaks none with weir. */
  tls: TlsEnd | null = null
  readonly #options: ClientSideOptions
  #reading: Reading | null = null
  #relay: Relay | null = null
  #isListening = false
  #hasEnded = false
  #isOver = false

  constructor(options: ClientSideOptions) {
    this.#options = options
    this.socket = options.raw
    options.raw.on('error', options.onSocketFailed)
  }

  /** A reader needs it before the decision. */
  read(arrival: Arrival): void {
    const { raw, account, timing, reception, onRejected } = this.#options
    account.reading(arrival)
    this.#listen()
    this.#reading = new Reading({
      arrival,
      client: raw,
      early: this.early,
      timing,
      reception,
      onRead: this.#onRead,
      onRefused: onRejected,
    })
  }

  /** It is decided about: the relay gets everything from now on. */
  passTo(relay: Relay): void {
    this.#relay = relay
    this.#reading = null
    if (this.#hasEnded) relay.ended(FROM_CLIENT)
    if (!this.#isListening) this.#listen()
  }

  /** Its time is up, before the decision. */
  late(): void {
    if (this.tls) this.#options.onRejected(Reason['tls-timeout'])
    else this.#reading?.late()
  }

  /** The connection is over: what it says is lost, like everything after a reset. */
  end(): void {
    this.#isOver = true
    this.early.takeAll()
  }

  #listen(): void {
    this.#isListening = true
    this.socket.on('data', this.#onData)
    this.socket.on('end', this.#onEnd)
    this.socket.resume()
  }

  readonly #onRead = (arrival: Arrival): void => {
    if (arrival.server === null) this.#options.onHeard(arrival)
    else this.#terminate(arrival, arrival.server)
  }

  /** The handshake, in state Reading (terminating.ts). */
  #terminate(arrival: Arrival, server: TlsServer): void {
    const { raw, account, contexts, onHeard, onRejected, onSocketFailed } = this.#options
    raw.off('data', this.#onData)
    raw.off('end', this.#onEnd)
    this.tls = terminate({
      arrival,
      server,
      raw,
      early: this.early,
      contexts,
      onSecured: secured => {
        this.socket = secured
        this.#listen()
        onHeard(arrival)
      },
      onDenied: (reason, detail) => {
        if (!this.#isOver) account.broke(detail)
        // An alert may be on its way out; and all may be over before it is.
        setImmediate(() => this.#isOver || onRejected(reason))
      },
      onBrokenOff: detail => onSocketFailed({ code: 'ECONNRESET', errno: detail }),
      onCutShort: () => onRejected(Reason['tls-truncated']),
    })
  }

  readonly #onData = (chunk: Buffer): void => {
    if (this.#isOver) return
    if (this.#relay) this.#relay.clientSaid(chunk)
    else this.#reading?.said(chunk)
  }

  readonly #onEnd = (): void => {
    this.#hasEnded = true
    if (this.#isOver) return
    if (this.#relay) this.#relay.ended(FROM_CLIENT)
    else this.#reading?.ended()
  }
}
