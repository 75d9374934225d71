/**
 * A worker's TLS sessions (../../tls/session.ts), opened once somebody needs one: most workers need
 * none, and OpenSSL's functions cost some milliseconds.
 */

import type { TlsServer, TlsUpstream } from '../../table/plan/tls.ts'
import { Own } from '../../tls/details.ts'
import type { TlsSecrets } from '../../tls/material.ts'
import type { Session, Sessions } from '../../tls/session.ts'

export class WorkerTls {
  readonly #open: (() => Sessions) | null
  #sessions: Sessions | null = null

  /** @param open  null: this worker has no TLS. */
  constructor(open: (() => Sessions) | null) {
    this.#open = open
  }

  /** From now on new connections are served with these. */
  furnish(secrets: TlsSecrets): void {
    if (secrets.material.length > 0 || this.#sessions) this.#opened()?.furnish(secrets)
  }

  /** A session for a client; a number: the detail of why there is none. */
  accept(server: TlsServer): Session | number {
    return this.#opened()?.accept(server) ?? Own.noCertificate
  }

  /** A session for an upstream; a number: the detail of why there is none. */
  connect(upstream: TlsUpstream): Session | number {
    return this.#opened()?.connect(upstream) ?? Own.noCertificate
  }

  /** After the last connection. */
  end(): void {
    this.#sessions?.end()
  }

  #opened(): Sessions | null {
    this.#sessions ??= this.#open?.() ?? null
    return this.#sessions
  }
}
