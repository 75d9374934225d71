/** OpenSSL's sessions of one thread (session.ts), and the contexts that they begin with. */

import { isIP } from 'node:net'
import { assert } from '../base/assert.ts'
import type { Memory } from '../kernel/kernel.ts'
import type { TlsServer, TlsUpstream } from '../table/plan/tls.ts'
import { AlpnChoices, anyone, Staples } from './callbacks.ts'
import { type Shared, serverContext, systemStore, upstreamContext } from './contexts.ts'
import { Own } from './details.ts'
import type { Material, TlsSecrets } from './material.ts'
import { Ctrl, Host, newSession, type OpenSsl, openssl } from './openssl.ts'
import { type Judge, OpenSslSession } from './openssl-session.ts'
import { judgeClient, judgeUpstream } from './peer-certificate.ts'
import { Pipe } from './pipe.ts'
import type { Session, Sessions } from './session.ts'
import { Tickets } from './tickets.ts'

/** The address of a context; 0n: it could not be made. */
type Context = bigint

export class OpenSslSessions implements Sessions {
  readonly #openssl: OpenSsl
  readonly #pipe: Pipe
  readonly #shared: Shared
  /** By what was asked for, in words: tables of several generations ask for the same. */
  readonly #contexts = new Map<string, Context>()
  readonly #words = new WeakMap<object, string>()
  #material: ReadonlyMap<string, Material> = new Map()
  #secrets: TlsSecrets | null = null
  #system = 0n
  #hasEnded = false

  /** @param memory  What places and lengths are of. */
  constructor(memory: Pick<Memory, 'u8'>) {
    const library = openssl()
    assert(typeof library !== 'string', `${library}`)
    this.#openssl = library
    this.#pipe = new Pipe(library, memory)
    this.#shared = {
      openssl: library,
      alpn: new AlpnChoices(library),
      staples: new Staples(library),
      tickets: new Tickets(library),
      anyone: anyone(library),
    }
  }

  /**
   * Contexts are made when they are first needed; those whose material has changed are freed now.
   */
  furnish(secrets: TlsSecrets): void {
    this.#secrets = secrets
    this.#material = new Map(secrets.material.map(each => [each.id, each]))
    this.#freeContexts()
    this.#shared.staples.clear()
    this.#shared.tickets.clear()
  }

  accept(server: TlsServer): Session | number {
    const context = this.#context(server, () => this.#newServer(server))
    if (context === 0n) return Own.noCertificate
    const { verify } = server
    const judge: Judge | null = verify && (certificate => judgeClient(verify, certificate))
    const { tickets } = this.#shared
    const turn = tickets.hasOlder(context) ? (isFirst: boolean) => tickets.turn(context, isFirst) : null
    const session = newSession(context, this.#pipe.inner)
    if (session === 0n) return Own.noMemory
    return new OpenSslSession(this.#openssl, this.#pipe, session, true, judge, turn)
  }

  connect(upstream: TlsUpstream): Session | number {
    const context = this.#context(upstream, () => this.#newUpstream(upstream))
    if (context === 0n) return Own.noCertificate
    const { names, trust, serverName } = upstream
    const isChecked = trust !== 'none'
    const isNative = names.every(name => isIP(name) === 0 && !/[:/@]/.test(name))
    const judge: Judge | null =
      isChecked && !isNative ? certificate => judgeUpstream(names, certificate) : null
    const session = newSession(context, this.#pipe.inner)
    if (session === 0n) return Own.noMemory
    if (serverName !== '') this.#openssl.ssl.SSL_ctrl(session, Ctrl.hostName, 0n, `${serverName}`)
    if (isChecked && isNative) this.#expect(session, names)
    return new OpenSslSession(this.#openssl, this.#pipe, session, false, judge, null)
  }

  end(): void {
    this.#hasEnded = true
    this.#freeContexts()
    this.#shared.tickets.clear()
    if (this.#system !== 0n) this.#openssl.ssl.X509_STORE_free(this.#system)
    this.#pipe.end()
  }

  #freeContexts(): void {
    for (const context of this.#contexts.values()) if (context !== 0n) this.#openssl.ssl.SSL_CTX_free(context)
    this.#contexts.clear()
  }

  /** OpenSSL checks names itself, which lets the alert say so. */
  #expect(session: bigint, names: readonly string[]): void {
    const { ssl } = this.#openssl
    ssl.SSL_set_hostflags(session, Host.noPartialWildcards | Host.neverSubject)
    for (const name of names) ssl.SSL_add1_host(session, name)
  }

  #context(asked: object, make: () => Context): Context {
    assert(!this.#hasEnded, 'a session of TLS is begun after the end of all')
    let words = this.#words.get(asked)
    if (words === undefined) {
      words = JSON.stringify(asked)
      this.#words.set(asked, words)
    }
    let context = this.#contexts.get(words)
    if (context === undefined) {
      context = make()
      this.#contexts.set(words, context)
    }
    return context
  }

  #newServer(server: TlsServer): Context {
    const material = this.#material.get(server.material)
    if (material === undefined || this.#secrets === null) return 0n
    return orNone(serverContext(this.#shared, server, material, this.#secrets.tickets))
  }

  #newUpstream(upstream: TlsUpstream): Context {
    const { trust } = upstream
    const own = upstream.material === null ? null : this.#material.get(upstream.material)
    const trusted = trust === 'system' || trust === 'none' ? null : this.#material.get(trust)
    if (own === undefined || trusted === undefined) return 0n
    return orNone(upstreamContext(this.#shared, upstream, own, trusted, this.#systemStore))
  }

  readonly #systemStore = (): bigint => {
    if (this.#system === 0n) this.#system = systemStore(this.#openssl)
    return this.#system
  }
}

const orNone = (made: bigint | string): Context => (typeof made === 'string' ? 0n : made)
