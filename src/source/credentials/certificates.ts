/** Certificates as people want to know them, and whether OpenSSL takes a pair. */

import { createPrivateKey, X509Certificate } from 'node:crypto'
import { createSecureContext } from 'node:tls'
import { type Found, Unusable } from './sources.ts'

export type CertificateInfo = {
  readonly subject: string
  readonly issuer: string
  /** Its subject alternative names, without their kinds: "db.example.com", "spiffe://…". */
  readonly names: readonly string[]
  readonly notBeforeMs: number
  readonly notAfterMs: number
  /** Where it was read: "/etc/certs/tls.crt", "Secret shop/cert tls.crt". */
  readonly from: string
}

const BLOCK =
  /-----BEGIN (?:TRUSTED |X509 )?CERTIFICATE-----[^-]+-----END (?:TRUSTED |X509 )?CERTIFICATE-----/g

/** The certificates of a file, in order; at least one. */
export function certificatesOf({ bytes, from }: Found): X509Certificate[] {
  const blocks = new TextDecoder('latin1').decode(bytes).match(BLOCK) ?? []
  if (blocks.length === 0) throw new Unusable(`${from} has no certificate in PEM`)
  return blocks.map((block, index) => {
    try {
      return new X509Certificate(block)
    } catch {
      throw new Unusable(`${from}: certificate ${index + 1} cannot be read`)
    }
  })
}

export const infoOf = (certificate: X509Certificate, from: string): CertificateInfo => ({
  subject: oneLine(certificate.subject),
  issuer: oneLine(certificate.issuer),
  names: namesOf(certificate),
  notBeforeMs: certificate.validFromDate.getTime(),
  notAfterMs: certificate.validToDate.getTime(),
  from,
})

const oneLine = (name: string | undefined): string => (name ?? '').split('\n').join(', ')

/** "DNS:a.com, URI:spiffe://x, DNS:\\"quoted\\"": Node quotes what has a comma (CVE-2021-44532). */
const namesOf = ({ subjectAltName }: X509Certificate): string[] =>
  [...(subjectAltName ?? '').matchAll(/(?:^|, )(?:DNS|URI|IP Address|email):("(?:[^"\\]|\\.)*"|[^,]*)/g)].map(
    ([, name]) => (name.startsWith('"') ? String(JSON.parse(name)) : name),
  )

const isEncrypted = (key: Uint8Array): boolean => /ENCRYPTED/.test(new TextDecoder('latin1').decode(key))

type Asked = {
  readonly chain?: Found
  readonly key?: Found
  readonly authorities?: Found | null
  readonly crl?: Found | null
}

/** Throws what OpenSSL has against it: another key, a key too short, a list that is none. */
export function assertUsable({ chain, key, authorities, crl }: Asked): void {
  if (key && isEncrypted(key.bytes)) throw new Unusable(`${key.from} is encrypted; weir has no passphrase`)
  try {
    createSecureContext({
      ...(chain && { cert: Buffer.from(chain.bytes) }),
      ...(key && { key: Buffer.from(key.bytes) }),
      ...(authorities && { ca: Buffer.from(authorities.bytes) }),
      ...(crl && { crl: Buffer.from(crl.bytes) }),
    })
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException
    throw new Unusable(sentenceOf(code, [key, crl, chain, authorities].find(Boolean)?.from ?? '', chain))
  }
}

/** OpenSSL would keep a key of another kind beside the certificate, for one to come. */
export function assertFits(leaf: X509Certificate, certificate: Found, key: Found): void {
  if (!leaf.checkPrivateKey(createPrivateKey(Buffer.from(key.bytes))))
    throw new Unusable(`${key.from} is not the key of ${certificate.from}`)
}

/** Of OpenSSL's error only its name is told: whatever else an error may have read stays unsaid. */
function sentenceOf(code: string, from: string, chain: Found | undefined): string {
  if (/KEY_VALUES_MISMATCH|KEY_TYPE_MISMATCH/.test(code)) return `${from} is not the key of ${chain?.from}`
  if (/TOO_SMALL/.test(code))
    return `${chain?.from} has a key that is too short: RSA takes 2048 bits at least`
  if (/MD_TOO_WEAK/.test(code)) return `${chain?.from} is signed with a hash that is too weak`
  const name = code
    .replace(/^ERR_(?:OSSL_|CRYPTO_)?/, '')
    .toLowerCase()
    .replaceAll('_', ' ')
  return `${from} cannot be used${name === '' ? '' : `: ${name}`}`
}
