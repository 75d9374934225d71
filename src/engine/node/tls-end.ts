/**
 * One end of TLS on a socket of Node's: node:tls over a stream in between, so that an end of the
 * socket without close_notify can be told from an end of the stream.
 *
 *   raw socket ◀─▶ stream ◀─▶ TLSSocket ◀─▶ relay
 *
 * The raw socket stays the one that is reset, and whose close counts.
 */

import type { Socket } from 'node:net'
import { Duplex } from 'node:stream'
import { connect, type SecureContext, TLSSocket } from 'node:tls'
import type { CertifiedIdentity } from '../../table/match/query.ts'
import type { TlsServer, TlsUpstream } from '../../table/plan/tls.ts'
import { detailOfError, UNFINISHED } from '../../tls/details.ts'
import { commonNameOf, identityOf, judgeClient, judgeUpstream } from '../../tls/peer-certificate.ts'
import type { Failure, PeerTerms } from '../../tls/session.ts'

type TlsEndOptions = {
  readonly raw: Socket
  /** What has come already. */
  readonly early: readonly Buffer[]
  readonly onAgreed: () => void
  /** Before the handshake was finished, or after it: the peer has broken off. */
  readonly onTlsFailed: (failure: Failure) => void
  /** The raw socket has ended, and the stream has not. */
  readonly onTruncated: () => void
}

/** What a server's clients are served with. */
export type Served = {
  readonly context: SecureContext
  /** The answer of OCSP for its only certificate. */
  readonly staple: Uint8Array | null
}

/** What TLSSocket has beside its documented methods. */
type Handle = {
  verifyError?(): NodeJS.ErrnoException | null
  /** Sends it along where the client asks for one. */
  setOCSPResponse?(answer: Uint8Array): void
}
type Verified = { readonly _handle?: Handle | null }

export class TlsEnd {
  readonly socket: TLSSocket
  isAgreed = false
  readonly #options: TlsEndOptions
  readonly #between: Duplex
  #isOver = false

  private constructor(options: TlsEndOptions, make: (between: Duplex) => TLSSocket) {
    const { raw, early } = options
    this.#options = options
    this.#between = new Duplex({
      read: () => void raw.resume(),
      write: (chunk: Buffer, _encoding, done) => void raw.write(chunk, done),
      final: done => void raw.end(done),
      destroy: (_error, done) => done(null),
    })
    for (const chunk of early) this.#between.push(chunk)
    raw.on('data', this.#onData)
    raw.on('end', this.#onEnd)
    this.#between.on('error', () => {})
    this.socket = make(this.#between)
    this.socket.on('error', this.#onError)
    this.socket.on('end', () => raw.resume()) // its own end has to be heard, too
  }

  /** For a client. */
  static accept(options: TlsEndOptions, server: TlsServer, { context, staple }: Served): TlsEnd {
    const { alpn, clients, verify } = server
    const choose = ({ protocols }: { protocols: string[] }) => alpn.find(each => protocols.includes(each))
    const end = new TlsEnd(
      options,
      between =>
        new TLSSocket(between, {
          isServer: true,
          secureContext: context,
          requestCert: clients !== 'none',
          rejectUnauthorized: clients === 'required',
          ...(alpn.length > 0 && { ALPNCallback: choose }),
        } as object),
    )
    if (staple) (end.socket as Verified)._handle?.setOCSPResponse?.(staple)
    end.socket.on('secure', () => {
      const certificate = end.socket.getPeerX509Certificate()
      const isAnyone = clients === 'none' || certificate === undefined
      const error = isAnyone || verify?.insecureSkipVerify ? null : end.#verifyError()
      const failure = certificate && verify ? judgeClient(verify, certificate) : null
      end.#agree(error ? { detail: detailOfError(error), isCertificate: true } : failure)
    })
    return end
  }

  /** For an upstream. */
  static connect(options: TlsEndOptions, upstream: TlsUpstream, secureContext: SecureContext): TlsEnd {
    const { serverName, alpn, trust, names } = upstream
    const end = new TlsEnd(options, between =>
      connect({
        socket: between,
        secureContext,
        rejectUnauthorized: false,
        checkServerIdentity: () => undefined,
        ...(serverName !== '' && { servername: serverName }),
        ...(alpn.length > 0 && { ALPNProtocols: [...alpn] }),
      }),
    )
    end.socket.on('secureConnect', () => {
      const certificate = end.socket.getPeerX509Certificate()
      const error = trust === 'none' ? null : end.#verifyError()
      const failure = trust === 'none' || !certificate ? null : judgeUpstream(names, certificate)
      end.#agree(error ? { detail: detailOfError(error), isCertificate: true } : failure)
    })
    return end
  }

  get alpn(): string {
    return this.socket.alpnProtocol || ''
  }

  identity(): CertifiedIdentity | null {
    const certificate = this.socket.getPeerX509Certificate()
    return certificate ? identityOf(certificate) : null
  }

  terms(): PeerTerms {
    const certificate = this.socket.getPeerX509Certificate()
    return {
      alpn: this.alpn,
      version: this.socket.getProtocol() ?? '',
      cipher: this.socket.getCipher()?.name ?? '',
      isResumed: this.socket.isSessionReused(),
      certificate: certificate
        ? { commonName: commonNameOf(certificate), verify: this.#verifyError() ? 1 : 0 }
        : null,
    }
  }

  /** Nothing of it is wanted any more. */
  destroy(): void {
    this.#isOver = true
    this.socket.destroy()
    this.#between.destroy()
  }

  #verifyError(): NodeJS.ErrnoException | null {
    return (this.socket as Verified)._handle?.verifyError?.() ?? null
  }

  #agree(failure: Failure | null): void {
    if (this.#isOver) return
    if (failure !== null) this.#fail(failure)
    else {
      this.isAgreed = true
      this.#options.onAgreed()
    }
  }

  readonly #onData = (chunk: Buffer): void => {
    if (this.#isOver || this.socket.readableEnded) return // nothing counts after the end
    if (!this.#between.push(chunk)) this.#options.raw.pause()
  }

  /** The stream may have its end in what came just before. */
  readonly #onEnd = (): void => {
    setImmediate(() => setImmediate(this.#judgeEnd))
  }

  readonly #judgeEnd = (): void => {
    const { onTruncated } = this.#options
    if (this.#isOver) return
    const isHeld =
      this.socket.isPaused() || this.socket.readableLength > 0 || this.#between.readableLength > 0
    if (this.socket.readableEnded) return
    if (!this.isAgreed) this.#fail({ detail: UNFINISHED, isCertificate: false })
    else if (isHeld) setTimeout(this.#judgeEnd, HELD_MS)
    else onTruncated()
  }

  readonly #onError = (error: NodeJS.ErrnoException): void => {
    this.#fail({ detail: detailOfError(error), isCertificate: error.code === NO_CERTIFICATE })
  }

  #fail(failure: Failure): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#options.onTlsFailed(failure)
  }
}

/** Whoever reads slowly has bytes before the end; weir looks again after this time. */
const HELD_MS = 20
const NO_CERTIFICATE = 'ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE'
