/** What a load is to do, and what came of it. */

import type { Ladder } from '../ladder.ts'

/** How the clients of a load speak TLS. */
export type TlsTerms = {
  readonly version: 'TLSv1.2' | 'TLSv1.3'
  /** Key exchanges they offer, as OpenSSL names them; in TLS 1.2 also curves of certificates. */
  readonly groups: string
  /** Whether every connection resumes one before. */
  readonly resumes: boolean
  /** `bulk` goes to the server, and its reply is one message. */
  readonly sends?: true
}

export type LoadJob = {
  readonly kind: 'connections' | 'requests' | 'bulk'
  readonly port: number
  /** Clients at the same time. */
  readonly clients: number
  /** Nothing new starts after this. */
  readonly durationMs: number
  /**
   * Requests or connections in a second; 0 closes the loop: each client asks when it has its
   * answer.
   */
  readonly perSecond: number
  /** Of each reply, for `bulk`. */
  readonly mebibytes: number
  /** What each connection says before its first request, in one segment with it; whole words. */
  readonly opening?: Uint8Array
  /** The clients speak TLS (tls-client.ts). */
  readonly tls?: TlsTerms
  /**
   * One word of shared memory, to end before the time is up: nothing new starts once it is not 0.
   */
  readonly stop?: Int32Array
}

export type Outcome = {
  /** Connections, requests or bulk replies that ended as they should. */
  readonly done: number
  readonly failed: number
  /** Replies with bytes that are not theirs. */
  readonly wrong: number
  /** Not answered in time. */
  readonly unanswered: number
  readonly elapsedMs: number
  readonly latencyNs: { readonly p50: number; readonly p99: number; readonly 'p99.9': number }
  /** More of its percentiles. */
  readonly ladder: Ladder
}
