/**
 * What is served of the credentials: the last good of each, and the keys of session tickets.
 *
 * A certificate that is found unusable later never replaces one that is good, nor does another one
 * that is named instead; one that has expired is served where there is no other, so that a restart
 * does not turn expiry into an outage.
 */

import { createHash } from 'node:crypto'
import { monotonicMs, wallNowMs } from '../../base/clock.ts'
import type { CertificateInfo } from '../../source/credentials/certificates.ts'
import type { ReadCredential } from '../../source/credentials/credentials.ts'
import { certificateFlaw, listFlaw } from '../../source/credentials/times.ts'
import type { Material, TicketKeys, TlsSecrets } from '../../tls/material.ts'
import type { Logger } from '../observe/log.ts'
import { freshTicketKeys, TICKETS_MS } from './ticket-keys.ts'

/** A certificate that is served, and for whom. */
type ServedCertificate = CertificateInfo & { readonly uses: readonly string[] }

/** A server that stays closed, and why. */
export type ClosedServer = {
  readonly server: string
  readonly why: string
  /** Whether it is a resource of a cluster's API, of which each is for itself. */
  readonly onlyApi: boolean
}

/** Who is served with the last good certificate, since the one that is named cannot be used. */
type StaleUse = { readonly use: string; readonly why: string }

type Kept = ReadCredential & {
  /** Why the last good one stays; '': it is the newest. */
  readonly stale: string
  /** Whether that one is of another credential: it is for these servers, and for no others. */
  readonly isLent: boolean
}

/** Keys of session tickets as they pass to the process that takes over, never by a file. */
export type TicketState = {
  /** In base64. */
  readonly current: string
  readonly previous: string | null
  readonly ageMs: number
  /** A digest of the authorities that clients were verified by; '': there was no TLS. */
  readonly trust: string
}

export class Keeper {
  readonly #log: Logger
  #kept: ReadonlyMap<string, Kept> = new Map()
  #tickets: TicketKeys = freshTicketKeys(null)
  #ticketsSinceMs = monotonicMs()
  /** What workers have: digests by id, and those of authorities. */
  #sent = ''
  #trust = ''
  /** Flaws that have been logged, so that no reading repeats them. */
  #said: ReadonlySet<string> = new Set()

  constructor(log: Logger) {
    this.#log = log
  }

  /** Certificates in force, one after the other as they were named. */
  get certificates(): ServedCertificate[] {
    return [...this.#kept.values()].flatMap(({ certificates, uses }) =>
      certificates.map(each => ({ ...each, uses })),
    )
  }

  get closed(): ClosedServer[] {
    return [...this.#kept.values()].flatMap(({ material, servers, flaws, onlyApi }) =>
      material === null ? servers.map(({ name }) => ({ server: name, why: whyOf(flaws), onlyApi })) : [],
    )
  }

  get stale(): StaleUse[] {
    return [...this.#kept.values()].flatMap(({ uses, stale }) =>
      stale === '' ? [] : uses.map(use => ({ use, why: stale })),
    )
  }

  /** The files behind all credentials. */
  get files(): string[] {
    return [...new Set([...this.#kept.values()].flatMap(each => each.files))]
  }

  /**
   * Why these cannot follow what is served: new ones of the files that are unusable, and no old
   * ones. A server of an API stays closed instead, and everything else is served.
   */
  refusals(read: readonly ReadCredential[]): string[] {
    return read
      .filter(each => !each.onlyApi && !isGood(each) && !this.#kept.has(each.id))
      .map(({ uses, flaws }) => `${uses.join(', ')}: ${whyOf(flaws)}`)
  }

  /** From now on these are in force, or the last good ones; null: workers have them already. */
  take(read: readonly ReadCredential[]): TlsSecrets | null {
    const kept = new Map(read.map(each => [each.id, this.#choose(each)]))
    const said = new Set(read.flatMap(({ flaws }) => flaws.map(each => each.message)))
    this.#kept = kept
    this.#said = said
    const material = this.#material()
    const sent = material.map(({ id, digest }) => `${id} ${digest}`).join('\n')
    if (sent === this.#sent) return null
    this.#sent = sent
    const trust = trustIn(material)
    // A client that a new list revokes would come back by the ticket of an old session.
    if (this.#trust !== '' && trust !== this.#trust) this.#useTickets(freshTicketKeys(null))
    this.#trust = trust
    return { material, tickets: this.#tickets }
  }

  /** Those in force are renewed by these, as far as they name the same. */
  renew(read: readonly ReadCredential[]): TlsSecrets | null {
    const byId = new Map(read.map(each => [each.id, each]))
    return this.take([...this.#kept.values()].map(each => byId.get(each.id) ?? each))
  }

  /**
   * The same with another key for new tickets; those of the key before are still good. Null: it is
   * too early for that.
   */
  turnTickets(): TlsSecrets | null {
    const material = this.#material()
    if (material.length === 0 || monotonicMs() - this.#ticketsSinceMs < TICKETS_MS) return null
    this.#useTickets(freshTicketKeys(this.#tickets))
    return { material, tickets: this.#tickets }
  }

  /** For the process that takes over. */
  get ticketState(): TicketState {
    const { current, previous } = this.#tickets
    return {
      current: base64(current),
      previous: previous && base64(previous),
      ageMs: monotonicMs() - this.#ticketsSinceMs,
      trust: this.#trust,
    }
  }

  /** Goes on with another process's keys, if it has verified clients by the same authorities. */
  inherit({ current, previous, ageMs, trust }: TicketState): void {
    this.#useTickets({ current: bytes(current), previous: previous === null ? null : bytes(previous) }, ageMs)
    this.#trust = trust
  }

  #useTickets(tickets: TicketKeys, ageMs = 0): void {
    this.#tickets = tickets
    this.#ticketsSinceMs = monotonicMs() - ageMs
  }

  /** Says of what is in force, in each period anew, what expires soon or has expired. */
  remind(nowMs = wallNowMs()): void {
    for (const { uses, certificates, lists } of this.#kept.values()) {
      const flaws = [
        ...certificates.map(each => certificateFlaw(each, nowMs)),
        ...lists.map(each => listFlaw(each, nowMs)),
      ].filter(each => each !== null)
      const why = flaws.map(each => each.message).join('; ')
      const isSoon = flaws.every(each => each.code === 'CFG503')
      if (why !== '') this.#log[isSoon ? 'warn' : 'error']({ uses }, `${uses.join(', ')}: ${why}`)
    }
  }

  #material(): Material[] {
    return [...this.#kept.values()].flatMap(({ material }) => material ?? [])
  }

  #choose(read: ReadCredential): Kept {
    const before = this.#kept.get(read.id)
    if (before === read) return before
    const who = read.uses.join(', ')
    const why = whyOf(read.flaws)
    const isNews = read.flaws.some(each => !this.#said.has(each.message))
    if (isGood(read)) {
      if (before?.material && before.material.digest !== read.material?.digest)
        this.#log.info(
          { uses: read.uses, until: until(read) },
          `${who}: another certificate, until ${until(read)}`,
        )
      if (before && before.material === null)
        this.#log.info({ uses: read.uses }, `${who}: its certificate can be used now, until ${until(read)}`)
      if (isNews) this.#log.warn({ uses: read.uses }, `${who}: ${why}`)
      return { ...read, stale: '', isLent: false }
    }
    const last = before?.material && !before.isLent ? before : this.#lastOf(read)
    const stays = last && !(read.material && last.isExpired) ? last.material : null
    const what = stays
      ? 'not taken, the last good one stays'
      : read.material
        ? 'served all the same'
        : 'closed until it can be used'
    if (isNews) this.#log.error({ uses: read.uses }, `${who}: ${what}: ${why}`)
    if (!last || !stays) return { ...read, stale: '', isLent: false }
    const { isExpired, certificates, lists } = last
    const isLent = last !== before || before.isLent
    const material = { ...stays, id: read.id }
    return { ...read, material, isExpired, certificates, lists, stale: why, isLent }
  }

  /** What all servers that ask for it now have been served with. */
  #lastOf({ uses, servers }: ReadCredential): Kept | undefined {
    if (servers.length < uses.length) return undefined
    return [...this.#kept.values()].find(
      each =>
        each.material !== null &&
        servers.every(({ server }) => each.servers.some(other => other.server === server)),
    )
  }
}

const whyOf = (flaws: ReadCredential['flaws']): string => flaws.map(each => each.message).join('; ')

const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64')
const bytes = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'base64'))

/** Of nothing that is secret. */
function trustIn(material: readonly Material[]): string {
  const digest = createHash('sha256')
  for (const { id, authorities, crl } of material)
    for (const part of [id, authorities ?? '', crl ?? '']) digest.update(`${part.length}:`).update(part)
  return digest.digest('hex')
}

const isGood = ({ material, isExpired }: ReadCredential): boolean => material !== null && !isExpired

/** When the first of its certificates expires. */
const until = ({ certificates }: ReadCredential): string =>
  new Date(Math.min(...certificates.map(each => each.notAfterMs))).toISOString()
