/**
 * Whether an address is one of weir's own listeners: a connection to it would loop for ever.
 *
 * It runs for each connection, whose port is often that of a listener (a service has the port of
 * its endpoints), so an IPv4 address costs a few loads and set look-ups. Pure: the caller reads the
 * machine's addresses (kernel/own-addresses.ts). Without them, the table alone decides: listeners
 * on one address, and every loopback address.
 */

import { type Cidr, contains, type Family, parseAddress, parseCidr } from '../../address/address.ts'
import type { Table } from '../format/table.ts'

/** The kinds of listeners on a port: bits of `ports`. */
const ON_ONE = 1
const ON_ALL_4 = 2
const ON_ALL_6 = 4

/** The addresses and ports that lead to our own listeners. */
export type OwnListeners = {
  /** By port: the kinds of its listeners; 0 for nearly all ports. */
  readonly ports: Uint8Array
  /** Listeners on one IPv4 address: address × 2^16 + port. */
  readonly bound4: ReadonlySet<number>
  /** "word word word word port" of listeners on one IPv6 address. */
  readonly bound6: ReadonlySet<string>
  /** The machine's IPv4 addresses. */
  readonly local4: ReadonlySet<number>
  /**
   * Its IPv6 addresses, and ranges of both families that it treats as its own (ip-route(8),
   * `local`).
   */
  readonly local: readonly Cidr[]
}

/** @param machine  Addresses and ranges that lead to this machine. */
export function ownListeners(table: Table, machine: readonly string[]): OwnListeners {
  const ports = new Uint8Array(65_536)
  const bound4 = new Set<number>()
  const bound6 = new Set<string>()
  for (const { bind, port, opens } of table.sockets) {
    if (!opens) continue
    const address = parseAddress(bind)
    const isAll = address === null || isUnspecified(address.words)
    ports[port] |= isAll ? (address?.family === 4 ? ON_ALL_4 : ON_ALL_4 | ON_ALL_6) : ON_ONE
    if (isAll) continue
    if (address.family === 4) bound4.add(key4(address.words[0], port))
    else bound6.add(key6(address.words, port))
  }
  const ranges = [...LOOPBACK, ...machine].flatMap(text => parseCidr(text) ?? [])
  const isHost4 = ({ family, bits }: Cidr): boolean => family === 4 && bits === 32
  const local4 = new Set(ranges.filter(isHost4).map(({ words }) => words[0]))
  return { ports, bound4, bound6, local4, local: ranges.filter(each => !isHost4(each)) }
}

/**
 * Whether a connection to this address (4 words from `at`) and port would arrive at one of our own
 * listeners.
 */
export function isOwnListener(
  own: OwnListeners,
  family: number,
  port: number,
  words: Uint32Array,
  at = 0,
): boolean {
  const kinds = own.ports[port]
  if (kinds === 0) return false
  if (family !== 4) return isOwn6(own, port, words.subarray(at, at + 4), kinds)
  const address = words[at] === 0 ? LOOPBACK_4 : words[at]
  if ((kinds & ON_ONE) !== 0 && own.bound4.has(key4(address, port))) return true
  return (kinds & ON_ALL_4) !== 0 && (own.local4.has(address) || isLocal(own, 4, words, at))
}

/** Whether an address (4 words) is one of this machine's. */
export const isOwnAddress = (own: OwnListeners, family: Family | 0, words: Uint32Array): boolean =>
  family !== 0 && ((family === 4 && own.local4.has(words[0])) || isLocal(own, family, words, 0))

function isOwn6(own: OwnListeners, port: number, words: Uint32Array, kinds: number): boolean {
  const address = isUnspecified(words) ? LOOPBACK_6 : words
  if ((kinds & ON_ONE) !== 0 && own.bound6.has(key6(address, port))) return true
  return (kinds & ON_ALL_6) !== 0 && isLocal(own, 6, address, 0)
}

function isLocal(own: OwnListeners, family: Family, words: Uint32Array, at: number): boolean {
  for (const range of own.local) if (contains(range, family, words, at)) return true
  return false
}

/**
 * Every address of 127.0.0.0/8 is local (RFC 1122 §3.2.1.3); 0.0.0.0 and :: are dialed as loopback.
 */
const LOOPBACK = ['127.0.0.0/8', '127.0.0.1', '::1']
const LOOPBACK_4 = 0x7f000001
const LOOPBACK_6 = Uint32Array.of(0, 0, 0, 1)

const isUnspecified = (words: Uint32Array): boolean =>
  words[0] === 0 && words[1] === 0 && words[2] === 0 && words[3] === 0

const key4 = (address: number, port: number): number => address * 65_536 + port
const key6 = (words: Uint32Array, port: number): string => `${words.join(' ')} ${port}`
