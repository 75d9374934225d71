/**
 * Dialing for one connection: from a decision to a connected upstream. ../decide/attempts.ts
 * chooses the next endpoint, if there is one.
 */

import { connect, type Socket } from 'node:net'
import { formatAddress } from '../../address/address.ts'
import { Reason } from '../../stats/reasons.ts'
import type { TlsUpstream } from '../../table/plan/tls.ts'
import { Own } from '../../tls/details.ts'
import { PROXY_WRITTEN_MAX, writeProxyHeader } from '../../wire/proxy-protocol.ts'
import { ANOTHER, type Attempts, TIMED_OUT } from '../decide/attempts.ts'
import type { Decision } from '../decide/decision.ts'
import {
  dialFailure,
  isReset,
  isShortage,
  TLS_CERTIFICATE,
  TLS_FAILED,
  TLS_TIMED_OUT,
} from '../decide/failures.ts'
import { detailsOf } from '../decide/header-details.ts'
import type { Journal } from '../worker/journal.ts'
import { resetWhenClosed } from './direct.ts'
import type { Timing } from './timing.ts'
import type { TlsContexts } from './tls-contexts.ts'
import { TlsEnd } from './tls-end.ts'

const NOTHING = Buffer.alloc(0)

type DialOptions = {
  /** The decision, filled anew for each further attempt. */
  readonly decision: Decision
  /** Row of the journal. */
  readonly row: number
  readonly attempts: Attempts
  readonly timing: Timing
  /** Each socket when it is made. */
  readonly onSocket: (socket: Socket) => void
  /** weir speaks TLS to it; null: not. */
  readonly tls: { readonly upstream: TlsUpstream; readonly contexts: TlsContexts } | null
  /** weir's own bytes, which go first, in the clear. */
  readonly headerOf: () => Buffer
  /** `header` is still to be sent. */
  readonly onConnected: (upstream: Socket, header: Buffer) => void
  /**
   * The connection ends for this reason: no endpoint is left to try, or a TLS stream has no end of
   * its own.
   */
  readonly onFailed: (reason: number) => void
  /** The socket failed after it was connected. */
  readonly onBroken: (error: NodeJS.ErrnoException) => void
}

export class Dial {
  readonly #options: DialOptions
  #isConnected = false
  #isOver = false
  /** The socket of an attempt is connected, and its handshake has begun. */
  #end: TlsEnd | null = null
  #connectedMs = 0
  /** The socket of the latest attempt. */
  upstream: Socket | null = null

  constructor(options: DialOptions) {
    this.#options = options
  }

  begin(): void {
    const { decision, attempts, timing, onSocket } = this.#options
    attempts.dialed()
    timing.dialedMs = timing.nowMs
    const upstream = connectTo(decision)
    this.upstream = upstream
    onSocket(upstream)
    upstream.on('error', error => this.#onError(upstream, error))
    upstream.on('connect', this.#onConnect)
    timing.watch() // for `late`
  }

  /** The attempt timed out. */
  late(): void {
    this.#fail(this.#end ? TLS_TIMED_OUT : TIMED_OUT)
  }

  /** Its socket has reset before a byte has gone either way: another endpoint may be dialed. */
  again(errno: number): void {
    const { decision, row, attempts, timing, onFailed } = this.#options
    this.#isConnected = false
    this.#connectedMs = 0
    const next = attempts.lost(row, errno, decision, timing.nowMs)
    if (next === ANOTHER) this.begin()
    else onFailed(next)
  }

  /** The connection is over: later events of the socket are ignored. */
  end(): void {
    this.#isOver = true
  }

  /** Its sockets are closed. */
  closed(): void {
    this.#end?.destroy()
  }

  readonly #onConnect = (): void => {
    if (this.upstream === null || this.#isConnected || this.#isOver) return
    resetWhenClosed(this.upstream, true)
    this.#connectedMs = this.#options.timing.nowMs
    const { tls, headerOf, onConnected } = this.#options
    if (tls) this.#secure(this.upstream, tls)
    else {
      this.#succeed()
      onConnected(this.upstream, headerOf())
    }
  }

  /** The handshake is part of the dial, as in ../flow/originating.ts. */
  #secure(raw: Socket, { upstream, contexts }: NonNullable<DialOptions['tls']>): void {
    const { headerOf, onConnected, onFailed, onBroken } = this.#options
    const context = contexts.ofUpstream(upstream)
    if (context === null) {
      this.#fail(TLS_FAILED, Own.noCertificate)
      return
    }
    const header = headerOf()
    if (header.length > 0) raw.write(header)
    const end = TlsEnd.connect(
      {
        raw,
        early: [],
        onAgreed: () => {
          if (raw !== this.upstream || this.#isOver) return
          this.#succeed()
          onConnected(end.socket, Buffer.alloc(0))
        },
        onTlsFailed: ({ detail, isCertificate }) => {
          if (raw !== this.upstream || this.#isOver) return
          if (this.#isConnected) onBroken({ name: '', message: '', code: 'ECONNRESET', errno: detail })
          else this.#fail(isCertificate ? TLS_CERTIFICATE : TLS_FAILED, detail)
        },
        onTruncated: () => onFailed(Reason['tls-truncated']),
      },
      upstream,
      context,
    )
    this.#end = end
  }

  #succeed(): void {
    const { attempts, row, timing } = this.#options
    const { nowMs } = timing
    this.#isConnected = true
    timing.activeMs = nowMs
    attempts.connected(row, (this.#connectedMs || nowMs) - timing.dialedMs, nowMs)
  }

  #onError(upstream: Socket, error: NodeJS.ErrnoException): void {
    if (upstream !== this.upstream || this.#isOver) return // an abandoned attempt
    const { onFailed, onBroken } = this.#options
    const { code = '', errno } = error
    if (this.#isConnected) onBroken(error)
    else if (this.#end || (this.#options.tls && isReset(code))) this.#fail(TLS_FAILED, errno)
    else if (isShortage(code)) onFailed(dialFailure(code))
    else this.#fail(code, errno)
  }

  #fail(code: string, errno = 0): void {
    const { decision, row, attempts, timing, onFailed } = this.#options
    this.#end?.destroy()
    this.#end = null
    this.#connectedMs = 0
    const next = attempts.failed(row, { code, errno }, decision, timing.nowMs)
    if (next !== ANOTHER) {
      onFailed(next)
      return
    }
    this.upstream?.destroy()
    this.begin()
  }
}

function connectTo(decision: Decision): Socket {
  const { family, address, port } = decision
  const host = formatAddress(family === 4 ? 4 : 6, address)
  return connect({ host, port, allowHalfOpen: true, noDelay: true, autoSelectFamily: false })
}

/**
 * The PROXY header that a decision asks for: who the client of the journal's row is; for version 0
 * nothing.
 *
 * @param end  Where the client's TLS ends; null: it speaks none with weir.
 */
export function headerOf(
  { proxyVersion: version, proxyTlvs }: Decision,
  journal: Journal,
  row: number,
  end: TlsEnd | null,
): Buffer {
  if (version === 0) return NOTHING
  const details = detailsOf(proxyTlvs, journal.idOf(row), () => end?.terms() ?? null)
  const header = Buffer.allocUnsafe(PROXY_WRITTEN_MAX)
  const [addresses, name] = [journal.addressesOf(row), journal.serverNameOf(row)]
  const bytes = writeProxyHeader(header, 0, version === 1 ? 1 : 2, addresses, name, details)
  return header.subarray(0, bytes)
}
