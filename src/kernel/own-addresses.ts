/**
 * Addresses and ranges that lead to this machine.
 *
 * Linux lists them in procfs: its local routes, which also include the addresses of interfaces
 * without a carrier and whole ranges (`ip route add local … dev lo`). Elsewhere the addresses of
 * interfaces that are up must do.
 */

import { closeSync, openSync, readSync } from 'node:fs'
import { networkInterfaces } from 'node:os'
import { formatAddress } from '../address/address.ts'

/**
 * Lines of a routing table; a router on the Internet has a million routes, and the local ones come
 * early or not at all.
 */
const BYTES_MAX = 256 * 1024
/** 169.254.0.0/16 and fe80::/10 (RFC 3927, RFC 4291 §2.5.6). */
const LINK_LOCAL = /^(169\.254\.|fe[89ab])/i
/** RTF_LOCAL: linux/ipv6_route.h. */
const IS_LOCAL = 0x8000_0000

export function ownAddresses(): string[] {
  const interfaces = Object.values(networkInterfaces()).flatMap(list => list ?? [])
  const named = interfaces.map(({ address }) => address)
  const routes = [
    ...localRoutes4(firstOf('/proc/net/fib_trie')),
    ...localRoutes6(firstOf('/proc/net/ipv6_route')),
  ]
  return [...new Set([...named, ...routes])]
}

/** What a socket may be bound to: everything, where the machine allows that (ip(7)). */
export function bindableAddresses(settings = '/proc/sys/net'): string[] {
  const any = (family: string): boolean => firstOf(`${settings}/${family}/ip_nonlocal_bind`).trim() === '1'
  return [...ownAddresses(), ...(any('ipv4') ? ['0.0.0.0/0'] : []), ...(any('ipv6') ? ['::/0'] : [])]
}

/** Addresses at which other machines may reach this one: neither loopback nor link-local. */
export function outerAddresses(): string[] {
  const interfaces = Object.values(networkInterfaces()).flatMap(list => list ?? [])
  const outer = interfaces.filter(({ internal, address }) => !internal && !LINK_LOCAL.test(address))
  return [...new Set(outer.map(each => each.address))]
}

/** `|-- 127.0.0.0`, and below it a line for each route: `/8 host LOCAL`. */
export function localRoutes4(trie: string): string[] {
  const found: string[] = []
  let address = ''
  for (const line of trie.split('\n')) {
    address = /\|-- (\S+)/.exec(line)?.[1] ?? address
    const bits = /^ +\/(\d+) \S+ LOCAL/.exec(line)?.[1]
    if (bits !== undefined) found.push(`${address}/${bits}`)
  }
  return found
}

/** One line a route: destination and its length in hexadecimal first, flags ninth. */
export function localRoutes6(routes: string): string[] {
  return routes.split('\n').flatMap(line => {
    const [destination = '', bits = '', , , , , , , flags = ''] = line.split(/ +/)
    if (destination.length !== 32 || (Number.parseInt(flags, 16) & IS_LOCAL) === 0) return []
    const words = [0, 8, 16, 24].map(at => Number.parseInt(destination.slice(at, at + 8), 16))
    return [`${formatAddress(6, words)}/${Number.parseInt(bits, 16)}`]
  })
}

/** The first lines of a file, or '' if there is none. */
function firstOf(file: string): string {
  const bytes = Buffer.alloc(BYTES_MAX)
  let length = 0
  try {
    const fd = openSync(file, 'r')
    for (let read = 1; read > 0; length += read) read = readSync(fd, bytes, length, BYTES_MAX - length, null)
    closeSync(fd)
  } catch {
    // not Linux, or no procfs
  }
  return bytes.toString('latin1', 0, length)
}
