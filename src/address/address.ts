/**
 * IP addresses and prefixes: from text to words, and back.
 *
 * An address is a family and up to four 32-bit words, most significant first (IPv4 uses the first
 * word only). An IPv4-mapped IPv6 address (::ffff:a.b.c.d, RFC 4291 §2.5.5.2) is unmapped here,
 * once, so that no rule can be bypassed by another spelling of an address. Syntax is that of Go's
 * netip, which Istio uses: no leading zeros, no spaces; a zone only on a bare IPv6 address.
 */

import ipaddr from 'ipaddr.js'

/** 4, 6, or 0 for a text that is no address. */
export type Family = 4 | 6

/** One IP address; `words` has 4 entries, and IPv4 uses only the first. */
export type Address = { readonly family: Family; readonly words: Uint32Array }

/**
 * A range of addresses that share their first `bits` bits; host bits are cleared. Its words are a
 * plain list, which takes a third of the memory of a typed one: there may be one for each rule.
 */
export type Cidr = {
  readonly family: Family
  readonly words: readonly number[] | Uint32Array
  readonly bits: number
}

const PREFIX_LENGTH = /^(0|[1-9]\d{0,2})$/

/**
 * Parses an address into `out` (at least 4 words from `at`) and returns its family, or 0.
 *
 * For the data path: an IPv4 text costs one pass over its characters and allocates nothing.
 */
export function parseInto(text: string, out: Uint32Array, at: number): Family | 0 {
  const quick = parseIPv4(text)
  if (quick >= 0) {
    out[at] = quick
    out[at + 1] = out[at + 2] = out[at + 3] = 0
    return 4
  }
  return parseIPv6(text, out, at)
}

/** The address that `text` spells, or null. */
export function parseAddress(text: string): Address | null {
  const words = new Uint32Array(4)
  const family = parseInto(text, words, 0)
  return family === 0 ? null : { family, words }
}

const FOUND = new Uint32Array(4)

/** The family of the address that `text` spells, or null: `parseAddress` that allocates nothing. */
export const familyOf = (text: string): Family | null => parseInto(text, FOUND, 0) || null

/** The range that `text` spells, or null: "10.0.0.0/8", "2001:db8::/32", or one bare address. */
export function parseCidr(text: string): Cidr | null {
  const slash = text.indexOf('/')
  if (slash < 0) {
    const address = text.includes('%') ? null : parseAddress(text)
    return address && cidrOf(address, address.family === 4 ? 32 : 128)
  }
  const lengthText = text.slice(slash + 1)
  const addressText = text.slice(0, slash)
  if (!PREFIX_LENGTH.test(lengthText) || addressText.includes('%')) return null
  const address = parseAddress(addressText)
  if (!address) return null
  const mapped = address.family === 4 && addressText.includes(':')
  const bits = Number(lengthText) - (mapped ? 96 : 0)
  if (bits < 0 || bits > (address.family === 4 ? 32 : 128)) return null
  return cidrOf(address, bits)
}

/** "10.0.0.1", "2001:db8::1": the shortest usual spelling. */
export function formatAddress(family: Family, words: ArrayLike<number>, at = 0): string {
  if (family === 4) {
    const word = words[at]
    return `${word >>> 24}.${(word >>> 16) & 255}.${(word >>> 8) & 255}.${word & 255}`
  }
  const parts: number[] = []
  for (let i = 0; i < 4; i++) parts.push(words[at + i] >>> 16, words[at + i] & 0xffff)
  return new ipaddr.IPv6(parts).toRFC5952String()
}

/** "10.0.0.0/8". */
export const formatCidr = (cidr: Cidr): string => `${formatAddress(cidr.family, cidr.words)}/${cidr.bits}`

/** "10.0.0.1:80" or "[2001:db8::1]:80". */
export const formatEndpoint = (address: string, port: number): string =>
  address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`

/**
 * Splits "10.0.0.1:80" or "[2001:db8::1]:80" or "10.0.0.1"; port −1 if there is none; null if
 * malformed.
 */
export function splitEndpoint(text: string): { address: string; port: number } | null {
  const bracketed = /^\[([^\]]+)\](?::(\d{1,5}))?$/.exec(text)
  const plain = bracketed ?? /^([^:]+)(?::(\d{1,5}))?$/.exec(text) ?? /^([0-9a-fA-F:.]+)()$/.exec(text)
  if (!plain?.[1]) return null
  const port = plain[2] ? Number(plain[2]) : -1
  return port > 65535 || !parseAddress(plain[1]) ? null : { address: plain[1], port }
}

/** Whether the address (family, 4 words from `at`) lies inside `cidr`. */
export function contains(cidr: Cidr, family: Family, words: ArrayLike<number>, at = 0): boolean {
  if (cidr.family !== family) return false
  for (let i = 0; i < 4; i++) {
    if (((words[at + i] ^ cidr.words[i]) & wordMask(cidr.bits, i)) !== 0) return false
  }
  return true
}

/** The mask of word `index` (0–3) for a prefix of `bits` bits, as an int32. */
export function wordMask(bits: number, index: number): number {
  const covered = bits - index * 32
  return covered <= 0 ? 0 : covered >= 32 ? -1 : -1 << (32 - covered)
}

/** Without the host bits of its address. */
function cidrOf({ family, words: [a, b, c, d] }: Address, bits: number): Cidr {
  const clear = (word: number, index: number): number => (word & wordMask(bits, index)) >>> 0
  return { family, words: [clear(a, 0), clear(b, 1), clear(c, 2), clear(d, 3)], bits }
}

/** The address as a number, or −1. */
function parseIPv4(text: string): number {
  let value = 0
  let part = -1
  let dots = 0
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code === 46) {
      if (part < 0 || ++dots > 3) return -1
      value = value * 256 + part
      part = -1
    } else {
      const digit = code - 48
      if (digit < 0 || digit > 9 || part === 0) return -1
      part = part < 0 ? digit : part * 10 + digit
      if (part > 255) return -1
    }
  }
  return dots === 3 && part >= 0 ? value * 256 + part : -1
}

function parseIPv6(text: string, out: Uint32Array, at: number): Family | 0 {
  const zone = text.indexOf('%')
  const bare = hexTail(zone < 0 ? text : text.slice(0, zone))
  if (zone === text.length - 1 || !ipaddr.IPv6.isValid(bare)) return 0
  const { parts } = ipaddr.IPv6.parse(bare)
  for (let i = 0; i < 4; i++) out[at + i] = ((parts[2 * i] << 16) | parts[2 * i + 1]) >>> 0
  if (out[at] !== 0 || out[at + 1] !== 0 || out[at + 2] !== 0xffff) return 6
  out[at] = out[at + 3]
  out[at + 2] = out[at + 3] = 0
  return zone < 0 ? 4 : 0
}

/**
 * "::1.2.3.4" as "::102:304"; '' if the tail is no IPv4 address.
 *
 * ipaddr.js 2.5 reads an IPv4-compatible address (::1.2.3.4, RFC 4291 §2.5.5.1) as an IPv4-mapped
 * one, which would make it match IPv4 rules.
 */
function hexTail(text: string): string {
  const start = text.lastIndexOf(':') + 1
  const tail = text.slice(start)
  if (start === 0 || !tail.includes('.')) return text
  const value = parseIPv4(tail)
  return value < 0
    ? ''
    : `${text.slice(0, start)}${(value >>> 16).toString(16)}:${(value & 0xffff).toString(16)}`
}
