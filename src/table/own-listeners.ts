/**
 * Whether an address is one of our own listeners: a connection sent on to the address that it asked
 * for must not come straight back, for ever.
 *
 * Pure: the addresses of the machine are the caller's to read (engine/loop.ts). Without them, what a
 * table says by itself still counts: listeners on one address, and every loopback address.
 */

import { parseAddress } from '../net/address.ts'
import type { Table } from './table.ts'

/** The addresses and ports that lead to our own listeners. */
export type OwnListeners = {
  /** Ports of all listeners: most addresses are told apart by the port alone. */
  readonly ports: ReadonlySet<number>
  /** "family word word word word port" for a listener on one address. */
  readonly bound: ReadonlySet<string>
  /** Ports of listeners on every address. */
  readonly openPorts: ReadonlySet<number>
  /** "family word word word word" of this machine's addresses. */
  readonly local: ReadonlySet<string>
}

export function ownListeners(table: Table, machineAddresses: readonly string[]): OwnListeners {
  const bound = new Set<string>()
  const openPorts = new Set<number>()
  const open = table.sockets.filter(each => each.opens)
  for (const { bind, port } of open) {
    const address = parseAddress(bind)
    if (address && !isUnspecified(address.words)) bound.add(`${keyOf(address.family, address.words)} ${port}`)
    else openPorts.add(port)
  }
  const local = machineAddresses.flatMap(address => {
    const parsed = parseAddress(address)
    return parsed ? [keyOf(parsed.family, parsed.words)] : []
  })
  return { ports: new Set(open.map(each => each.port)), bound, openPorts, local: new Set(local) }
}

/** Whether a connection to this address and port would arrive at one of our own listeners. */
export function isOwnListener(own: OwnListeners, family: number, words: Uint32Array, port: number): boolean {
  if (!own.ports.has(port)) return false
  const key = keyOf(family, words)
  if (own.bound.has(`${key} ${port}`)) return true
  return own.openPorts.has(port) && (isUnspecified(words) || isLoopback(family, words) || own.local.has(key))
}

const keyOf = (family: number, words: Uint32Array): string => `${family} ${words.join(' ')}`

/** 0.0.0.0 and :: lead to this machine as a destination, too. */
const isUnspecified = (words: Uint32Array): boolean => words.every(word => word === 0)

/** All of 127.0.0.0/8 is local (RFC 1122 §3.2.1.3); of IPv6 only ::1, which is an interface's address. */
const isLoopback = (family: number, words: Uint32Array): boolean => family === 4 && words[0] >>> 24 === 127
