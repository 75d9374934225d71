/**
 * Version 2 of the PROXY protocol: a binary header (the specification, §2.2).
 *
 *   0  signature, 12 bytes     13  family, transport      16  addresses, by family
 *  12  version, command        14  length of what follows      TLVs: type, length u16, value
 *
 * LOCAL (the sender's own connection, such as a health check) carries no addresses, whatever
 * follows. The same holds for families other than TCP's, and UNSPEC: weir keeps the socket's
 * addresses, as HAProxy does.
 */

import type { Family } from '../address/address.ts'
import { assert } from '../base/assert.ts'
import { crc32c } from './crc32c.ts'
import { DETAIL_BYTES_MAX, type ProxyDetails, writeChecksumPlace, writeDetails } from './proxy-details.ts'
import { hasUnicast, INVALID, MORE, type ProxyHeader } from './proxy-header.ts'

/**
 * Maximum of a header that weir reads. AWS sends less than 200 bytes; a client's certificate has 2
 * or 3 KiB.
 */
export const BINARY_BYTES_MAX = 4096

const SIGNATURE = [0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a]
/** The position from which the length counts. */
const BLOCK = 16

const LOCAL = 0x20
const PROXY = 0x21

const UNSPEC = 0x00
const TCP4 = 0x11
const TCP6 = 0x21
/** By the family's number: IPv4, IPv6, UNIX. */
const ADDRESS_BYTES = [0, 12, 36, 216]

const Tlv = { authority: 0x02, crc32c: 0x03 } as const
const TLV_HEAD = 3
const AUTHORITY_MAX = 255

/** Maximum of a header that weir writes. */
export const WRITTEN_BYTES_MAX = BLOCK + ADDRESS_BYTES[2] + TLV_HEAD + AUTHORITY_MAX + DETAIL_BYTES_MAX

/**
 * Reads the header at the front of `bytes[from … to)` into `header`, whose families are 0.
 *
 * @returns How many bytes it has, or MORE, or INVALID.
 */
export function readBinary(bytes: Uint8Array, from: number, to: number, header: ProxyHeader): number {
  const count = to - from
  for (let i = 0; i < BLOCK - 4 && i < count; i++) if (bytes[from + i] !== SIGNATURE[i]) return INVALID
  const command = count > 12 ? bytes[from + 12] : PROXY
  if (command !== PROXY && command !== LOCAL) return INVALID
  const kind = count > 13 ? bytes[from + 13] : UNSPEC
  if (command === PROXY && !isKind(kind)) return INVALID
  if (count < BLOCK) return MORE
  const length = u16(bytes, from + 14)
  const addressBytes = ADDRESS_BYTES[kind >>> 4]
  if (BLOCK + length > BINARY_BYTES_MAX) return INVALID
  if (command === PROXY && length < addressBytes) return INVALID
  if (count < BLOCK + length) return MORE
  if (command === LOCAL || kind === UNSPEC) return BLOCK + length
  const end = from + BLOCK + length
  if (!areTlvs(bytes, from, from + BLOCK + addressBytes, end)) return INVALID
  if (kind !== TCP4 && kind !== TCP6) return BLOCK + length
  readAddresses(bytes, from + BLOCK, kind === TCP4 ? 4 : 6, header)
  return hasUnicast(header) ? BLOCK + length : INVALID
}

/**
 * Writes a header at `at` and returns how many bytes it has, at most WRITTEN_BYTES_MAX.
 *
 * @param authority  The server name that the client asked for; '': none.
 * @param details  What else there is to say; null: nothing.
 */
export function writeBinary(
  out: Uint8Array,
  at: number,
  header: ProxyHeader,
  authority: string,
  details: ProxyDetails | null,
): number {
  const { clientFamily: family, destinationFamily } = header
  out.set(SIGNATURE, at)
  out[at + 12] = family === 0 ? LOCAL : PROXY
  out[at + 13] = family === 0 ? UNSPEC : family === 4 && destinationFamily === 4 ? TCP4 : TCP6
  const addressesEnd = family === 0 ? at + BLOCK : writeAddresses(out, at + BLOCK, header)
  const named = writeAuthority(out, addressesEnd, authority)
  const told = details === null ? named : writeDetails(out, named, details)
  const end = details?.isChecked ? writeChecksumPlace(out, told) : told
  writeU16(out, at + 14, end - at - BLOCK)
  if (end > told) writeU32(out, end - 4, crc32c(out, at, end, end - 4))
  return end - at
}

/** UNSPEC, or stream or datagram over IPv4, IPv6 or UNIX; anything else must be refused. */
function isKind(kind: number): boolean {
  const family = kind >>> 4
  const transport = kind & 0xf
  return kind === UNSPEC || (family >= 1 && family <= 3 && transport >= 1 && transport <= 2)
}

/**
 * Whether `bytes[at … end)` are complete TLVs, and a checksum among them matches the header from
 * `from`.
 */
function areTlvs(bytes: Uint8Array, from: number, at: number, end: number): boolean {
  while (at < end) {
    if (end - at < TLV_HEAD) return false
    const value = at + TLV_HEAD
    const next = value + u16(bytes, at + 1)
    if (next > end) return false
    if (bytes[at] === Tlv.crc32c && !isChecksum(bytes, from, value, next, end)) return false
    at = next
  }
  return true
}

const isChecksum = (bytes: Uint8Array, from: number, at: number, next: number, end: number): boolean =>
  next - at === 4 && u32(bytes, at) === crc32c(bytes, from, end, at)

function readAddresses(bytes: Uint8Array, at: number, family: Family, header: ProxyHeader): void {
  const addressBytes = family === 4 ? 4 : 16
  const ports = at + 2 * addressBytes
  header.clientFamily = readAddress(bytes, at, family, header.client)
  header.destinationFamily = readAddress(bytes, at + addressBytes, family, header.destination)
  header.clientPort = u16(bytes, ports)
  header.destinationPort = u16(bytes, ports + 2)
}

/** An IPv4-mapped address (RFC 4291 §2.5.5.2) is the IPv4 address, as everywhere in weir. */
function readAddress(bytes: Uint8Array, at: number, family: Family, words: Uint32Array): Family {
  words[0] = u32(bytes, at)
  for (let word = 1; word < 4; word++) words[word] = family === 4 ? 0 : u32(bytes, at + 4 * word)
  if (family === 4 || words[0] !== 0 || words[1] !== 0 || words[2] !== 0xffff) return family
  words[0] = words[3]
  words[2] = words[3] = 0
  return 4
}

/** Two families share one field: IPv4 is then IPv4-mapped. */
function writeAddresses(out: Uint8Array, at: number, header: ProxyHeader): number {
  const { clientFamily, client, destinationFamily, destination } = header
  const isIPv4 = clientFamily === 4 && destinationFamily === 4
  let next = writeAddress(out, at, clientFamily, client, isIPv4)
  next = writeAddress(out, next, destinationFamily, destination, isIPv4)
  writeU16(out, next, header.clientPort)
  writeU16(out, next + 2, header.destinationPort)
  return next + 4
}

function writeAddress(
  out: Uint8Array,
  at: number,
  family: Family | 0,
  words: Uint32Array,
  isIPv4: boolean,
): number {
  if (isIPv4) return writeU32(out, at, words[0])
  const isMapped = family === 4
  let next = writeU32(out, at, isMapped ? 0 : words[0])
  next = writeU32(out, next, isMapped ? 0 : words[1])
  next = writeU32(out, next, isMapped ? 0xffff : words[2])
  return writeU32(out, next, isMapped ? words[0] : words[3])
}

function writeAuthority(out: Uint8Array, at: number, authority: string): number {
  if (authority === '') return at
  assert(authority.length <= AUTHORITY_MAX, `a server's name of ${authority.length} bytes`)
  out[at] = Tlv.authority
  writeU16(out, at + 1, authority.length)
  for (let i = 0; i < authority.length; i++) out[at + TLV_HEAD + i] = authority.charCodeAt(i)
  return at + TLV_HEAD + authority.length
}

const u16 = (bytes: Uint8Array, at: number): number => (bytes[at] << 8) | bytes[at + 1]

const u32 = (bytes: Uint8Array, at: number): number =>
  ((bytes[at] << 24) | (bytes[at + 1] << 16) | (bytes[at + 2] << 8) | bytes[at + 3]) >>> 0

function writeU16(out: Uint8Array, at: number, value: number): void {
  out[at] = value >>> 8
  out[at + 1] = value
}

/** The position of the next byte. */
function writeU32(out: Uint8Array, at: number, value: number): number {
  writeU16(out, at, value >>> 16)
  writeU16(out, at + 2, value)
  return at + 4
}
