/** What a peer's certificate says, and whether that is what was asked for. */

import type { X509Certificate } from 'node:crypto'
import { createHash } from 'node:crypto'
import { isIP } from 'node:net'
import { wallNowMs } from '../base/clock.ts'
import type { CertifiedIdentity } from '../table/match/query.ts'
import type { ClientChecks } from '../table/plan/tls.ts'
import { Own, verdictDetail } from './details.ts'
import type { Failure } from './session.ts'

const WRONG_NAME: Failure = { detail: Own.nameMismatch, isCertificate: true }
/** X509_V_ERR_CERT_HAS_EXPIRED */
const EXPIRED: Failure = { detail: verdictDetail(10), isCertificate: true }
const NOT_PINNED: Failure = { detail: Own.pinMismatch, isCertificate: true }

export function identityOf(certificate: X509Certificate): CertifiedIdentity {
  const names = namesOf(certificate.subjectAltName ?? '')
  const uri = names.find(name => name.startsWith('URI:'))?.slice(4) ?? ''
  return { subject: (certificate.subject ?? '').split('\n').reverse().join(','), uri, names }
}

/** The most specific common name of the subject; '': none. Node escapes it as in RFC 2253. */
export function commonNameOf({ subject }: X509Certificate): string {
  const name =
    (subject ?? '')
      .split('\n')
      .findLast(each => each.startsWith('CN='))
      ?.slice(3) ?? ''
  return name.replace(/\\([0-9A-F]{2})|\\(.)/g, (_, hex: string | undefined, plain: string) =>
    hex === undefined ? plain : String.fromCharCode(Number.parseInt(hex, 16)),
  )
}

/**
 * The names in Node's text: "DNS:a.example, URI:spiffe://…, IP Address:192.0.2.1". A value that
 * could be taken for several is quoted as JSON (CVE-2021-44532).
 */
function namesOf(text: string): string[] {
  const parts = text.match(/[\w ]+:(?:"(?:[^"\\]|\\.)*"|[^,]*)/g) ?? []
  return parts.map(part => {
    const colon = part.indexOf(':')
    const kind = part.slice(0, colon).trim()
    const value = part.slice(colon + 1)
    return `${kind === 'IP Address' ? 'IP' : kind}:${value.startsWith('"') ? JSON.parse(value) : value}`
  })
}

const textOf = (name: string): string => name.slice(name.indexOf(':') + 1)

/**
 * What a server asks of its clients' certificates; null: it is met. OpenSSL has looked at the time,
 * too, but not where a session resumes.
 */
export function judgeClient(checks: ClientChecks, certificate: X509Certificate): Failure | null {
  const { insecureSkipVerify, subjectAltNames, spki, hashes } = checks
  if (!insecureSkipVerify && certificate.validToDate.getTime() < wallNowMs()) return EXPIRED
  const names = identityOf(certificate).names.map(textOf)
  if (subjectAltNames.length > 0 && !names.some(name => subjectAltNames.includes(name))) return WRONG_NAME
  if (spki.length === 0 && hashes.length === 0) return null
  const key = certificate.publicKey.export({ type: 'spki', format: 'der' })
  const isPinned =
    spki.includes(createHash('sha256').update(key).digest('base64')) ||
    hashes.includes(createHash('sha256').update(certificate.raw).digest('hex'))
  return isPinned ? null : NOT_PINNED
}

/** Whether an upstream's certificate is for one of these names. */
export function judgeUpstream(names: readonly string[], certificate: X509Certificate): Failure | null {
  const own = identityOf(certificate).names
  const isFor = (name: string): boolean => {
    if (isIP(name) !== 0) return certificate.checkIP(name) !== undefined
    if (own.includes(`URI:${name}`)) return true
    return /[:/@]/.test(name) ? false : certificate.checkHost(name, HOST_RULES) !== undefined
  }
  return names.length === 0 || names.some(isFor) ? null : WRONG_NAME
}

/** As RFC 9525 has it: names of the certificate's list alone, and whole labels for a `*`. */
const HOST_RULES = { subject: 'never', wildcards: true, partialWildcards: false } as const
