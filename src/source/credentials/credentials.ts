/**
 * Reads credentials: from their sources to checked material for workers, with what is wrong.
 *
 * A pair that is expired is still usable: after a restart it is better than a closed port, while a
 * reload never takes it in place of one that is good.
 */

import { wallMs } from '../../base/clock.ts'
import { keyedDigest } from '../../base/keyed-digest.ts'
import type { Flaw, Inspect } from '../../config/inspect.ts'
import type { Credential, PairSource } from '../../config/plan/credentials.ts'
import { isFromApi } from '../../config/text/read-objects.ts'
import type { Material, Pair } from '../../tls/material.ts'
import { assertFits, assertUsable, type CertificateInfo, certificatesOf, infoOf } from './certificates.ts'
import { type ListInfo, listsOf } from './revocation-lists.ts'
import { type Found, isOpen, type Secrets, Sources, Unusable } from './sources.ts'
import { certificateFlaw, isOutOfDate, listFlaw } from './times.ts'

/** A credential as it was found. */
export type ReadCredential = {
  readonly id: string
  /** Who asks for it: "Gateway shop/edge servers[0]". */
  readonly uses: readonly string[]
  /** Of those, the servers that are closed without it: config/plan/credentials.ts. */
  readonly servers: readonly { readonly name: string; readonly server: string }[]
  /** Whether only resources of an API ask for it: of these one must not hold up the others. */
  readonly onlyApi: boolean
  /** null: it is missing or cannot be used, and `flaws` say why. */
  readonly material: Material | null
  readonly isExpired: boolean
  readonly certificates: readonly CertificateInfo[]
  readonly lists: readonly ListInfo[]
  readonly flaws: readonly Flaw[]
  /** What to watch. */
  readonly files: readonly string[]
}

export function readCredential(credential: Credential, secrets: Secrets, nowMs = wallMs()): ReadCredential {
  const { id, uses } = credential
  const sources = new Sources(secrets)
  const reading = new Reading(sources, nowMs)
  const material = reading.materialOf(credential)
  return {
    id,
    uses: uses.map(each => each.name),
    servers: uses.flatMap(({ name, server }) => (server === null ? [] : [{ name, server }])),
    onlyApi: uses.every(each => isFromApi(each.resource)),
    material,
    isExpired: reading.isExpired,
    certificates: reading.certificates,
    lists: reading.lists,
    flaws: reading.flaws,
    files: [...sources.files],
  }
}

/** What is wrong with a credential, for whoever needs nothing of it. */
export const inspect: Inspect = (credential, secrets) => readCredential(credential, secrets).flaws

class Reading {
  readonly flaws: Flaw[] = []
  readonly certificates: CertificateInfo[] = []
  readonly lists: ListInfo[] = []
  isExpired = false
  readonly #sources: Sources
  readonly #nowMs: number

  constructor(sources: Sources, nowMs: number) {
    this.#sources = sources
    this.#nowMs = nowMs
  }

  /** All sources are looked at, so that all flaws are told at once. */
  materialOf({ id, pairs, authorities }: Credential): Material | null {
    const read = pairs.map(source => this.#try(() => this.#pairOf(source)))
    const trust = authorities && this.#try(() => this.#trustOf(authorities))
    const whole = read.filter(each => each !== null)
    if (whole.length < pairs.length || (authorities && trust === null)) return null
    const material = {
      pairs: whole,
      authorities: trust?.authorities.bytes ?? null,
      crl: trust?.crl?.bytes ?? null,
    }
    return { id, ...material, digest: digestOf(material) }
  }

  #pairOf(source: PairSource): Pair {
    const { certificate, key, staple } = this.#sourceOf(source)
    const chain = certificatesOf(certificate)
    assertUsable({ chain: certificate, key })
    assertFits(chain[0], certificate, key)
    this.#note(infoOf(chain[0], certificate.from))
    return { chain: certificate.bytes, key: key.bytes, ocsp: staple?.bytes ?? null }
  }

  #sourceOf(source: PairSource): { certificate: Found; key: Found; staple: Found | null } {
    if ('secret' in source) return this.#sources.pair(source.secret)
    const certificate = this.#try(() => this.#sources.file(source.certificate))
    const key = this.#sources.file(source.privateKey)
    if (isOpen(source.privateKey))
      this.flaws.push({ code: 'CFG504', message: `everybody may read ${source.privateKey}` })
    if (certificate === null) throw new Unusable('')
    return { certificate, key, staple: null }
  }

  #trustOf(source: NonNullable<Credential['authorities']>): { authorities: Found; crl: Found | null } {
    const trust = this.#authoritiesOf(source)
    const all = certificatesOf(trust.authorities)
    const none = all.find(each => !each.ca && each.subject !== each.issuer)
    if (none)
      throw new Unusable(
        `${trust.authorities.from} has a certificate of no authority: ${infoOf(none, '').subject}`,
      )
    assertUsable(trust)
    for (const each of all) this.#note(infoOf(each, trust.authorities.from), false)
    for (const list of trust.crl ? listsOf(trust.crl) : []) {
      this.lists.push(list)
      this.#flaw(listFlaw(list, this.#nowMs))
    }
    return trust
  }

  #authoritiesOf(source: NonNullable<Credential['authorities']>): { authorities: Found; crl: Found | null } {
    if ('secret' in source) return this.#sources.authorities(source.secret, source.beside)
    if ('configMap' in source) return this.#sources.configMap(source.configMap)
    return {
      authorities: this.#sources.file(source.file),
      crl: source.crl === null ? null : this.#sources.file(source.crl),
    }
  }

  /** @param isOwn  Of an authority that expires others may be left. */
  #note(info: CertificateInfo, isOwn = true): void {
    this.certificates.push(info)
    this.#flaw(certificateFlaw(info, this.#nowMs))
    if (isOwn && isOutOfDate(info, this.#nowMs)) this.isExpired = true
  }

  #flaw(flaw: Flaw | null): void {
    if (flaw) this.flaws.push(flaw)
  }

  #try<Value>(read: () => Value): Value | null {
    try {
      return read()
    } catch (error) {
      if (!(error instanceof Unusable)) throw error
      if (error.message !== '') this.flaws.push({ code: 'CFG501', message: error.message })
      return null
    }
  }
}

const digestOf = ({ pairs, authorities, crl }: Omit<Material, 'id' | 'digest'>): string =>
  keyedDigest([
    ...pairs.flatMap(({ chain, key, ocsp }) => [chain, key, ocsp ?? '']),
    authorities ?? '',
    crl ?? '',
  ])
