/** A session of OpenSSL's (session.ts), over the pipe of its thread (pipe.ts). */

import { X509Certificate } from 'node:crypto'
import { assert } from '../base/assert.ts'
import type { CertifiedIdentity } from '../table/match/query.ts'
import {
  acceptSession,
  addressOf,
  bytesAt,
  clearErrors,
  connectSession,
  endSession,
  errorOf,
  freeSession,
  type OpenSsl,
  SslError,
} from './openssl.ts'
import { failureOf } from './openssl-errors.ts'
import { commonNameOf, identityOf } from './peer-certificate.ts'
import type { Pipe } from './pipe.ts'
import { RecordEdges } from './record-edges.ts'
import { CLOSED, FAILED, type Failure, NOTHING, type PeerTerms, type Session, Step } from './session.ts'

const NONE: Failure = { detail: 0, isCertificate: false }

/** SSL_RECEIVED_SHUTDOWN */
const HEARD_END = 2

/** What there is to read: nothing, all of one record, or more or less than that. */
const Unread = { nothing: 0, one: 1, unknown: 2 } as const
type Unread = (typeof Unread)[keyof typeof Unread]

/** A word and a length, for what returns them by pointers. */
const OUT = Buffer.allocUnsafeSlow(128)
/** For SSL_CIPHER_description(3), which wants 128 bytes at least. */
const WORDS = Buffer.allocUnsafeSlow(256)

const VERSIONS: Readonly<Record<number, string>> = {
  769: 'TLSv1',
  770: 'TLSv1.1',
  771: 'TLSv1.2',
  772: 'TLSv1.3',
}

/**
 * What has to hold of a peer's certificate beyond OpenSSL's own verification: a Failure, or null.
 */
export type Judge = (certificate: X509Certificate) => Failure | null

export class OpenSslSession implements Session {
  failure: Failure = NONE
  hasEnded = false
  hasOutput = false
  readonly #openssl: OpenSsl
  readonly #pipe: Pipe
  readonly #isServer: boolean
  readonly #judge: Judge | null
  readonly #prepare: ((isFirst: boolean) => void) | null
  #isFirst = true
  readonly #edges = new RecordEdges()
  #unread: Unread = Unread.unknown
  #session: bigint
  #isOver = false

  /**
   * @param session  An SSL with the pipe's BIO, and no state yet; this object frees it.
   * @param prepare  Is called before each step of the handshake.
   */
  constructor(
    openssl: OpenSsl,
    pipe: Pipe,
    session: bigint,
    isServer: boolean,
    judge: Judge | null,
    prepare: ((isFirst: boolean) => void) | null,
  ) {
    this.#openssl = openssl
    this.#pipe = pipe
    this.#session = session
    this.#isServer = isServer
    this.#judge = judge
    this.#prepare = prepare
  }

  feed(at: number, bytes: number): void {
    this.#use()
    if (this.#isOver) return
    const isOne = this.#edges.follow(this.#pipe.memory.u8, at, bytes)
    this.#unread = isOne && this.#unread === Unread.nothing ? Unread.one : Unread.unknown
    this.#pipe.feed(at, bytes)
  }

  handshake(): Step {
    this.#use()
    if (this.#isOver) return Step.failed
    clearErrors() // what others have left would be taken for this one's
    if (this.#prepare) this.#prepare(this.#isFirst)
    this.#isFirst = false
    const result = this.#isServer ? acceptSession(this.#session) : connectSession(this.#session)
    this.hasOutput = true
    if (result === 1) return this.#judged()
    const error = errorOf(this.#session, result)
    if (error === SslError.wantRead) return Step.more
    this.#fail()
    return Step.failed
  }

  /** OpenSSL is content; its own checks are not all that were asked for. */
  #judged(): Step {
    const certificate = this.#judge ? this.#certificate() : null
    const failure = certificate && this.#judge ? this.#judge(certificate) : null
    if (failure === null) return Step.done
    this.failure = failure
    this.#isOver = true
    this.discard()
    return Step.failed
  }

  read(at: number, room: number): number {
    this.#use()
    if (this.#isOver) return FAILED
    if (this.#unread === Unread.nothing) return NOTHING
    clearErrors()
    const read = this.#pipe.read(this.#session, at, room)
    if (read > 0) {
      // A record with data makes no answer, and is at its end where there is room for more.
      if (this.#unread !== Unread.one) this.hasOutput = true
      else if (read < room) this.#unread = Unread.nothing
      return read
    }
    const error = errorOf(this.#session, read)
    this.hasOutput = true
    if (error === SslError.wantRead) {
      this.#unread = Unread.nothing
      return NOTHING
    }
    if (error !== SslError.zeroReturn) return this.#fail()
    this.hasEnded = true
    this.#pipe.clearInput() // nothing counts after the end
    return CLOSED
  }

  pending(): number {
    this.#use()
    return this.#isOver ? 0 : this.#openssl.ssl.SSL_pending(this.#session)
  }

  write(at: number, bytes: number): boolean {
    this.#use()
    for (let written = 0; written < bytes && !this.#isOver; ) {
      const result = this.#pipe.write(this.#session, at + written, bytes - written)
      if (result > 0) written += result
      else {
        assert(errorOf(this.#session, result) !== SslError.wantWrite, 'a pipe of TLS is full')
        this.#fail()
      }
    }
    this.hasOutput = true
    return !this.#isOver
  }

  take(at: number, room: number): number {
    this.#use()
    if (!this.hasOutput) return 0
    const taken = this.#pipe.take(at, room)
    if (taken < room) this.hasOutput = false
    return taken
  }

  discard(): void {
    this.#use()
    this.#pipe.clear()
    this.hasOutput = false
  }

  end(): void {
    this.#use()
    if (this.#isOver) return
    if (endSession(this.#session) < 0) clearErrors()
    this.hasOutput = true
  }

  alpn(): string {
    this.#use()
    const at = addressOf(OUT)
    this.#openssl.ssl.SSL_get0_alpn_selected(this.#session, at, at + 8n)
    const bytes = OUT.readUInt32LE(8)
    if (bytes === 0) return ''
    return Buffer.from(bytesAt(OUT.readBigUInt64LE(0), bytes)).toString('latin1')
  }

  identity(): CertifiedIdentity | null {
    this.#use()
    const certificate = this.#certificate()
    return certificate && identityOf(certificate)
  }

  terms(): PeerTerms {
    const { ssl } = this.#openssl
    const certificate = this.#certificate()
    return {
      alpn: this.alpn(),
      version: VERSIONS[ssl.SSL_version(this.#session)] ?? '',
      cipher: this.#cipher(),
      isResumed: ssl.SSL_session_reused(this.#session) === 1,
      certificate: certificate && {
        commonName: commonNameOf(certificate),
        verify: Number(ssl.SSL_get_verify_result(this.#session)),
      },
    }
  }

  /** Of a description such as "TLS_AES_256_GCM_SHA384 TLSv1.3 Kx=any …", the first word. */
  #cipher(): string {
    const { ssl } = this.#openssl
    const cipher = ssl.SSL_get_current_cipher(this.#session)
    if (cipher === 0n || ssl.SSL_CIPHER_description(cipher, addressOf(WORDS), WORDS.length) === 0n) return ''
    return WORDS.toString('latin1', 0, WORDS.indexOf(0)).split(' ', 1)[0]
  }

  free(): void {
    if (this.#session === 0n) return
    freeSession(this.#session)
    this.#session = 0n
    this.#isOver = true
  }

  /** OpenSSL would use the memory that it has freed. */
  #use(): void {
    assert(this.#session !== 0n, 'a session of TLS is used after its end')
  }

  #certificate(): X509Certificate | null {
    const { ssl } = this.#openssl
    const x509 = ssl.SSL_get1_peer_certificate(this.#session)
    if (x509 === 0n) return null
    const bytes = Buffer.allocUnsafeSlow(Math.max(128, ssl.i2d_X509(x509, 0n)))
    const length = ssl.i2d_X509(x509, 0n)
    OUT.writeBigUInt64LE(addressOf(bytes), 16)
    ssl.i2d_X509(x509, addressOf(OUT) + 16n)
    ssl.X509_free(x509)
    return new X509Certificate(bytes.subarray(0, length))
  }

  #fail(): typeof FAILED {
    this.failure = failureOf(this.#openssl, this.#session)
    this.#isOver = true
    this.hasOutput = true
    this.hasEnded ||= (this.#openssl.ssl.SSL_get_shutdown(this.#session) & HEARD_END) !== 0
    this.#pipe.clearInput()
    return FAILED
  }
}
