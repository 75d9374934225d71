/**
 * One end of a TLS connection, as an engine drives it: bytes of the network go in by `feed` and
 * come out by `take`, those of the application by `read` and `write`. It does no input or output
 * itself.
 *
 *   feed ─▶ handshake …, or read … until it gives nothing ─▶ take … until it gives nothing
 *
 * Sessions of a thread share memory: after `feed`, one is asked until it has nothing more, before
 * another is fed. Places and lengths are those of the kernel's memory (kernel/kernel.ts).
 *
 * There are two of them: OpenSSL's (openssl-session.ts), and a stand-in for the simulator, which
 * has to repeat itself (test/sim/stand-in.ts) and holds engines to these rules.
 */

import type { CertifiedIdentity } from '../table/match/query.ts'
import type { TlsServer, TlsUpstream } from '../table/plan/tls.ts'
import type { ProxyTls } from '../wire/proxy-details.ts'
import type { TlsSecrets } from './material.ts'

export const Step = { done: 0, more: 1, failed: 2 } as const
export type Step = (typeof Step)[keyof typeof Step]

/** `read` gave no bytes: more have to come. */
export const NOTHING = 0
/** The peer has ended its stream in order; it may be written to. */
export const CLOSED = -1
/** The session is over: `failure` says why, and `take` may have an alert for the peer. */
export const FAILED = -2

/** What was agreed with a peer. */
export type PeerTerms = ProxyTls & { readonly alpn: string }

/** Why it failed. */
export type Failure = {
  /** A number of details.ts; 0: none is known. */
  readonly detail: number
  /** The peer's certificate, or the lack of one, is the reason. */
  readonly isCertificate: boolean
}

export interface Session {
  readonly failure: Failure
  /** Bytes that came from the peer. */
  feed(at: number, bytes: number): void
  handshake(): Step
  /** Bytes for the application at `at`, at most `room`; or NOTHING, CLOSED, FAILED. */
  read(at: number, room: number): number
  /** How many bytes the next `read` gives at least. */
  pending(): number
  /** The application's bytes; false: it failed. */
  write(at: number, bytes: number): boolean
  /** False: there is nothing to `take`. */
  readonly hasOutput: boolean
  /** Bytes for the peer: how many; 0: none are left. */
  take(at: number, room: number): number
  /** Throws away what there would be to `take`. */
  discard(): void
  /** Ends weir's half of the stream; what tells the peer is there to `take`. */
  end(): void
  /** Whether the peer has ended its half. */
  readonly hasEnded: boolean
  /** The protocol that both have chosen; '': none. */
  alpn(): string
  /** Who the peer is by its certificate; null: it has shown none. */
  identity(): CertifiedIdentity | null
  /** What was agreed with the peer, after the handshake; a stand-in need not know it. */
  terms?(): PeerTerms
  /** Ends its life. It may be called at any time, once. */
  free(): void
}

/** The sessions of one thread, by what the table asks for. */
export interface Sessions {
  /** From now on new sessions have these certificates; others go on with what they have. */
  furnish(secrets: TlsSecrets): void
  /** For a client whose bytes so far are to be fed; a number: the detail of why there is none. */
  accept(server: TlsServer): Session | number
  /** For an upstream; its first bytes are there to `take` after `handshake`. */
  connect(upstream: TlsUpstream): Session | number
  /** Nothing is called after this. */
  end(): void
}
