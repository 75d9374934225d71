/**
 * A certificate authority for tests: certificates of any names and times, and revocation lists,
 * written as DER by hand, since Node can sign but not issue. They are as openssl(1) would write
 * them.
 */

import { createHash, generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import { isIP } from 'node:net'
import { parseAddress } from '../../src/address/address.ts'

const tlv = (tag: number, ...parts: Uint8Array[]): Buffer => {
  const body = Buffer.concat(parts)
  const { length } = body
  const head = length < 128 ? [length] : length < 256 ? [0x81, length] : [0x82, length >> 8, length & 0xff]
  return Buffer.concat([Buffer.of(tag, ...head), body])
}
const sequence = (...parts: Uint8Array[]): Buffer => tlv(0x30, ...parts)
const explicit = (tag: number, ...parts: Uint8Array[]): Buffer => tlv(0xa0 + tag, ...parts)
const integer = (bytes: Uint8Array): Buffer =>
  tlv(0x02, bytes[0] >= 128 ? Buffer.concat([Buffer.of(0), bytes]) : bytes)
const bits = (bytes: Uint8Array): Buffer => tlv(0x03, Buffer.of(0), bytes)
const octets = (...bytes: Uint8Array[]): Buffer => tlv(0x04, ...bytes)
const TRUE = tlv(0x01, Buffer.of(0xff))
const NULL = tlv(0x05)

function oid(text: string): Buffer {
  const [first, second, ...rest] = text.split('.').map(Number)
  const base128 = (value: number): number[] => {
    const digits = [value & 0x7f]
    for (let left = value >>> 7; left > 0; left >>>= 7) digits.unshift((left & 0x7f) | 0x80)
    return digits
  }
  return tlv(0x06, Buffer.from([first * 40 + second, ...rest.flatMap(base128)]))
}

const time = (date: Date): Buffer => tlv(0x18, Buffer.from(date.toISOString().replace(/[-:T]|\.\d+/g, '')))

const nameOf = (common: string): Buffer =>
  sequence(tlv(0x31, sequence(oid('2.5.4.3'), tlv(0x0c, Buffer.from(common)))))

const algorithmOf = (key: KeyObject): Buffer =>
  key.asymmetricKeyType === 'rsa'
    ? sequence(oid('1.2.840.113549.1.1.11'), NULL)
    : sequence(oid('1.2.840.10045.4.3.2'))

const signed = (body: Buffer, key: KeyObject): Buffer =>
  sequence(body, algorithmOf(key), bits(sign('sha256', body, key)))

const pem = (label: string, der: Uint8Array): string =>
  `-----BEGIN ${label}-----\n${Buffer.from(der).toString('base64').replace(/.{64}/g, '$&\n').trimEnd()}\n-----END ${label}-----\n`

function generalName(name: string): Buffer {
  const family = isIP(name)
  if (family === 0) return tlv(name.includes('://') ? 0x86 : 0x82, Buffer.from(name))
  const words = parseAddress(name)?.words ?? []
  const bytes = Buffer.alloc(16)
  for (const [index, word] of [...words].entries()) bytes.writeUInt32BE(word >>> 0, 4 * index)
  return tlv(0x87, family === 4 ? Buffer.from(name.split('.').map(Number)) : bytes)
}

const extension = (id: string, value: Buffer, isCritical = false): Buffer =>
  sequence(oid(id), ...(isCritical ? [TRUE] : []), octets(value))

const DAY_MS = 86_400_000

export type Wanted = {
  readonly names?: readonly string[]
  readonly kind?: 'ec' | 'rsa'
  /** Days from now. */
  readonly from?: number
  readonly until?: number
  readonly isAuthority?: boolean
  readonly common?: string
}

/** A certificate, its chain up to the authority, and its key, in PEM. */
export type Issued = {
  readonly cert: string
  readonly key: string
  readonly serial: Buffer
  readonly keys: KeyObject
  readonly der: Buffer
}

let serials = 1

const newKeys = (kind: 'ec' | 'rsa') =>
  kind === 'rsa'
    ? generateKeyPairSync('rsa', { modulusLength: 2048 })
    : generateKeyPairSync('ec', { namedCurve: 'P-256' })

export class Authority {
  /** Its own certificate, in PEM. */
  readonly cert: string
  readonly common: string
  readonly #keys: KeyObject
  readonly #id: Buffer

  constructor(common = 'weir test authority', issuer?: Authority) {
    const { publicKey, privateKey } = newKeys('ec')
    this.common = common
    this.#keys = privateKey
    this.#id = keyId(publicKey)
    const body = this.#body(publicKey, { isAuthority: true, common }, issuer ?? this)
    this.cert = pem('CERTIFICATE', signed(body.der, issuer ? issuer.#keys : privateKey))
  }

  issue(wanted: Wanted = {}): Issued {
    const { publicKey, privateKey } = newKeys(wanted.kind ?? 'ec')
    const { der: body, serial } = this.#body(publicKey, wanted, this)
    const der = signed(body, this.#keys)
    const key = privateKey.export({ type: 'pkcs8', format: 'pem' }) as string
    return { cert: pem('CERTIFICATE', der), key, serial, keys: privateKey, der }
  }

  /** A list that revokes these. */
  revoke(...issued: readonly Issued[]): string {
    return this.list(issued, 30)
  }

  /** A list that revokes these, for so many days from now. */
  list(issued: readonly Issued[], until: number): string {
    const now = Date.now()
    const entries = issued.map(({ serial }) => sequence(integer(serial), time(new Date(now - DAY_MS))))
    const body = sequence(
      integer(Buffer.of(1)),
      algorithmOf(this.#keys),
      nameOf(this.common),
      time(new Date(now - 2 * DAY_MS)),
      time(new Date(now + until * DAY_MS)),
      ...(entries.length > 0 ? [sequence(...entries)] : []),
    )
    return pem('X509 CRL', signed(body, this.#keys))
  }

  #body(publicKey: KeyObject, wanted: Wanted, issuer: Authority): { der: Buffer; serial: Buffer } {
    const { names = [], from = -1, until = 365, isAuthority = false, common = names[0] ?? 'weir' } = wanted
    const serial = Buffer.alloc(4)
    serial.writeUInt32BE(0x1000_0000 + serials++)
    const now = Date.now()
    const extensions = [
      extension('2.5.29.19', sequence(...(isAuthority ? [TRUE] : [])), true),
      extension('2.5.29.14', octets(keyId(publicKey))),
      ...(names.length > 0 ? [extension('2.5.29.17', sequence(...names.map(generalName)))] : []),
      ...(issuer !== this || !isAuthority ? [extension('2.5.29.35', sequence(tlv(0x80, issuer.#id)))] : []),
    ]
    const der = sequence(
      explicit(0, integer(Buffer.of(2))),
      integer(serial),
      algorithmOf(issuer.#keys),
      nameOf(issuer.common),
      sequence(time(new Date(now + from * DAY_MS)), time(new Date(now + until * DAY_MS))),
      nameOf(common),
      publicKey.export({ type: 'spki', format: 'der' }),
      explicit(3, sequence(...extensions)),
    )
    return { der, serial }
  }
}

const keyId = (key: KeyObject): Buffer =>
  createHash('sha1')
    .update(key.export({ type: 'spki', format: 'der' }))
    .digest()
