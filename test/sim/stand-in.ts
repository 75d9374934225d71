/**
 * The simulator's sessions of TLS (src/tls/session.ts): records of session.ts in place of OpenSSL,
 * driven by the same engine code.
 *
 * They hold the engine to the interface's rules, which OpenSSL's sessions rely on without looking:
 * what a session has been fed is read, and what it has to say is taken, before another one is
 * touched, since all of a thread have one pipe; none is used once it is freed; each is freed once.
 */

import type { CertifiedIdentity } from '../../src/table/match/query.ts'
import type { TlsServer, TlsUpstream } from '../../src/table/plan/tls.ts'
import { alertDetail, Own, reasonDetail, verdictDetail } from '../../src/tls/details.ts'
import type { TlsSecrets } from '../../src/tls/material.ts'
import {
  CLOSED,
  FAILED,
  type Failure,
  NOTHING,
  type Session,
  type Sessions,
  Step,
} from '../../src/tls/session.ts'
import { type Serving, servingBy } from './credentials.ts'
import type { Machine } from './kernel.ts'
import { Session as Records } from './session.ts'

const NONE: Failure = { detail: 0, isCertificate: false }
/** X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY and SSL_R_DECRYPTION_FAILED_OR_BAD_RECORD_MAC. */
const UNKNOWN_AUTHORITY = 20
const BAD_RECORD = 281
const WHO: CertifiedIdentity = { subject: 'CN=peer', uri: '', names: [] }

type Memory = { readonly u8: Uint8Array }

/** Of one thread: whose bytes are in the pipe. */
type Pipe = { user: StandIn | null; readonly open: Set<StandIn> }

export class StandIns implements Sessions {
  readonly #memory: Memory
  readonly #machine: Machine
  readonly #pipe: Pipe = { user: null, open: new Set() }
  #material: ReadonlySet<string> = new Set()
  #serving: Serving | null = null

  constructor(memory: Memory, machine: Machine) {
    this.#memory = memory
    this.#machine = machine
  }

  furnish(secrets: TlsSecrets): void {
    this.#material = new Set(secrets.material.map(({ id }) => id))
    this.#serving = servingBy(secrets)
  }

  accept({ material, clients }: TlsServer): Session | number {
    if (!this.#material.has(material) || this.#serving === null) return Own.noCertificate
    const asks = clients === 'required'
    return this.#begin(false, { awaitsHello: true, asks, serving: this.#serving })
  }

  connect(_upstream: TlsUpstream): Session | number {
    return this.#begin(true, {})
  }

  end(): void {
    if (this.#pipe.open.size > 0) this.#machine.onBug(`${this.#pipe.open.size} sessions of TLS are not freed`)
  }

  #begin(isClient: boolean, terms: ConstructorParameters<typeof Records>[2]): StandIn {
    const records = new Records(isClient, this.#machine.dice, terms)
    const session = new StandIn(records, this.#memory, this.#pipe, this.#machine.onBug)
    this.#pipe.open.add(session)
    return session
  }
}

class StandIn implements Session {
  failure = NONE
  hasEnded = false
  readonly #records: Records
  readonly #memory: Memory
  readonly #pipe: Pipe
  readonly #onBug: (what: string) => void
  /** In the pipe; then decrypted, and not read. */
  #fed: Uint8Array[] = []
  #plain: Uint8Array[] = []
  /** A client's hello is there only then. */
  #hasBegun = false
  #isOver = false
  #isFree = false

  constructor(records: Records, memory: Memory, pipe: Pipe, onBug: (what: string) => void) {
    this.#records = records
    this.#memory = memory
    this.#pipe = pipe
    this.#onBug = onBug
  }

  /** Whether it has left something in the pipe. */
  get hasLeft(): boolean {
    return this.#fed.length > 0 || this.#plain.length > 0 || (this.#hasBegun && this.#records.out.length > 0)
  }

  get hasOutput(): boolean {
    return this.#records.out.length > 0
  }

  feed(at: number, bytes: number): void {
    this.#use()
    if (!this.#isOver) this.#fed.push(this.#memory.u8.slice(at, at + bytes))
  }

  handshake(): Step {
    this.#use()
    if (this.#isOver) return Step.failed
    this.#hasBegun = true
    this.#digest()
    if (this.#records.isReady) return Step.done
    if (!this.#records.isBroken) return Step.more
    this.#fail()
    return Step.failed
  }

  read(at: number, room: number): number {
    this.#use()
    if (this.#isOver) return FAILED
    this.#digest()
    const [first] = this.#plain
    if (first) {
      const bytes = Math.min(room, first.length)
      this.#memory.u8.set(first.subarray(0, bytes), at)
      if (bytes < first.length) this.#plain[0] = first.subarray(bytes)
      else this.#plain.shift()
      return bytes
    }
    if (this.#records.isBroken) return this.#fail()
    if (!this.#records.heardClose) return NOTHING
    this.hasEnded = true
    return CLOSED
  }

  pending(): number {
    return this.#plain[0]?.length ?? 0
  }

  write(at: number, bytes: number): boolean {
    this.#use()
    if (!this.#isOver && !this.#records.isReady)
      this.#onBug('a session of TLS is written to in its handshake')
    if (!this.#isOver) this.#records.say(this.#memory.u8.slice(at, at + bytes))
    return !this.#isOver
  }

  take(at: number, room: number): number {
    this.#use()
    const { out } = this.#records
    let taken = 0
    while (taken < room && out.length > 0) {
      const part = out[0].subarray(0, room - taken)
      this.#memory.u8.set(part, at + taken)
      taken += part.length
      if (part.length < out[0].length) out[0] = out[0].subarray(part.length)
      else out.shift()
    }
    return taken
  }

  discard(): void {
    this.#fed = []
    this.#plain = []
    this.#records.out = []
  }

  end(): void {
    this.#use()
    if (!this.#isOver && !this.#records.saidClose) this.#records.close()
  }

  alpn(): string {
    return ''
  }

  identity(): CertifiedIdentity | null {
    return this.#records.peerShows === 'right' ? WHO : null
  }

  free(): void {
    if (this.#isFree) this.#onBug('a session of TLS is freed twice')
    if (this.hasLeft) this.#onBug('a session of TLS is freed with bytes in the pipe')
    this.#isFree = true
    this.#pipe.open.delete(this)
  }

  #use(): void {
    if (this.#isFree) this.#onBug('a session of TLS is used, and was freed')
    const { user } = this.#pipe
    if (user !== null && user !== this && user.hasLeft)
      this.#onBug('the pipe of TLS has bytes of another session')
    this.#pipe.user = this
  }

  #digest(): void {
    for (const bytes of this.#fed.splice(0)) this.#records.receive(bytes, data => this.#plain.push(data))
  }

  #fail(): typeof FAILED {
    const { failure, alert, heardClose } = this.#records
    this.failure =
      failure === 'certificate'
        ? { detail: verdictDetail(UNKNOWN_AUTHORITY), isCertificate: true }
        : {
            detail: failure === 'alert' ? alertDetail(alert) : reasonDetail(BAD_RECORD),
            isCertificate: false,
          }
    this.#isOver = true
    this.hasEnded ||= heardClose
    this.#fed = []
    return FAILED
  }
}
