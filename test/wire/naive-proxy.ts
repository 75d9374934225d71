/**
 * The PROXY protocol read again, by other means and all at once: what the readers are compared
 * with.
 */

import { BlockList, isIPv4, isIPv6 } from 'node:net'
import { formatAddress, parseAddress } from '../../src/address/address.ts'

/**
 * "192.0.2.7 56324 203.0.113.5 443", '' where the header names no addresses; null: no header begins
 * here.
 */
export type Naive = { readonly bytes: number; readonly says: string } | null

const LINE =
  /^PROXY (?:UNKNOWN(?: [^\r\n]*)?|TCP(?<family>[46]) (?<from>[0-9a-fA-F.:]+) (?<to>[0-9a-fA-F.:]+) (?<ports>(?:0|[1-9]\d*) (?:0|[1-9]\d*)))\r\n/

const NOT_UNICAST = new BlockList()
NOT_UNICAST.addSubnet('224.0.0.0', 4, 'ipv4')
NOT_UNICAST.addAddress('0.0.0.0', 'ipv4')
NOT_UNICAST.addAddress('255.255.255.255', 'ipv4')
NOT_UNICAST.addSubnet('ff00::', 8, 'ipv6')
NOT_UNICAST.addAddress('::', 'ipv6')

/** @param whole  All that ever comes on the connection. */
export function naiveProxy(whole: Buffer): Naive {
  return whole[0] === 0x50 ? naiveLine(whole) : naiveBinary(whole)
}

function naiveLine(whole: Buffer): Naive {
  const found = LINE.exec(whole.toString('latin1', 0, 107))
  if (!found) return null
  const { family, from, to, ports } = found.groups ?? {}
  const bytes = found[0].length
  if (family === undefined) return { bytes, says: '' }
  const isRight = family === '4' ? isIPv4 : isIPv6
  const [fromPort, toPort] = ports.split(' ').map(Number)
  if (!isRight(from) || !isRight(to) || fromPort > 65535 || toPort > 65535) return null
  return said(bytes, from, fromPort, to, toPort)
}

function naiveBinary(whole: Buffer): Naive {
  if (whole.toString('hex', 0, 12) !== '0d0a0d0a000d0a515549540a' || whole.length < 16) return null
  const bytes = 16 + whole.readUInt16BE(14)
  if (bytes > 4096 || bytes > whole.length) return null
  if (whole[12] === 0x20) return { bytes, says: '' }
  const addressBytes = { 0: 0, 17: 12, 18: 12, 33: 36, 34: 36, 49: 216, 50: 216 }[whole[13]]
  if (whole[12] !== 0x21 || addressBytes === undefined || 16 + addressBytes > bytes) return null
  if (whole[13] === 0) return { bytes, says: '' }
  const header = whole.subarray(0, bytes)
  if (!hasGoodTlvs(header, 16 + addressBytes)) return null
  if (whole[13] !== 0x11 && whole[13] !== 0x21) return { bytes, says: '' }
  const half = (addressBytes - 4) / 2
  const [from, to] = [16, 16 + half].map(at => textOf(header.subarray(at, at + half)))
  return said(bytes, from, header.readUInt16BE(16 + 2 * half), to, header.readUInt16BE(18 + 2 * half))
}

function hasGoodTlvs(header: Buffer, first: number): boolean {
  let at = first
  while (at < header.length) {
    if (header.length < at + 3) return false
    const length = header.readUInt16BE(at + 1)
    if (header.length < at + 3 + length) return false
    if (header[at] === 3) {
      if (length !== 4) return false
      const copy = Buffer.from(header)
      copy.fill(0, at + 3, at + 7)
      if (castagnoli(copy) !== header.readUInt32BE(at + 3)) return false
    }
    at += 3 + length
  }
  return true
}

/**
 * Bit by bit, most significant first, on reflected bytes: RFC 3720 §12.1 as it is written there.
 */
export function castagnoli(bytes: Uint8Array): number {
  let crc = 0xffffffff
  for (const byte of bytes) {
    for (let bit = 0; bit < 8; bit++) {
      const carry = (crc >>> 31) ^ ((byte >>> bit) & 1)
      crc = ((crc << 1) ^ (carry ? 0x1edc6f41 : 0)) >>> 0
    }
  }
  let reflected = 0
  for (let bit = 0; bit < 32; bit++) if ((crc >>> bit) & 1) reflected = (reflected | (1 << (31 - bit))) >>> 0
  return ~reflected >>> 0
}

const textOf = (bytes: Buffer): string =>
  bytes.length === 4 ? [...bytes].join('.') : (bytes.toString('hex').match(/..../g) ?? []).join(':')

function said(bytes: number, from: string, fromPort: number, to: string, toPort: number): Naive {
  const [client, destination] = [from, to].map(plain)
  const all = [client, destination].every(text => !NOT_UNICAST.check(text, isIPv4(text) ? 'ipv4' : 'ipv6'))
  return all ? { bytes, says: `${client} ${fromPort} ${destination} ${toPort}` } : null
}

/** IPv4-mapped is IPv4. */
function plain(text: string): string {
  const address = parseAddress(text)
  if (!address) throw new Error(`no address: ${text}`)
  return formatAddress(address.family, address.words)
}
