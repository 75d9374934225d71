/**
 * The hosts file, hosts(5): an address, then the names that have it. All lines of a name count, of
 * both families, in their order; names have no case.
 */

import { type Family, formatAddress, parseAddress } from '../../address/address.ts'

export type HostsEntry = { readonly [family in Family]: readonly string[] }

/** Names in lower case, without a dot at the end. */
export type Hosts = ReadonlyMap<string, HostsEntry>

export function parseHosts(text: string): Hosts {
  const found = new Map<string, { [family in Family]: string[] }>()
  for (const line of text.split('\n')) {
    const [written = '', ...names] = (line.split('#')[0] ?? '').trim().split(/\s+/)
    const address = parseAddress(written)
    if (address === null || isUnspecified(address.words)) continue
    const canonical = formatAddress(address.family, address.words)
    for (const name of names) {
      const list = found.getOrInsertComputed(plainName(name), () => ({ 4: [], 6: [] }))[address.family]
      if (!list.includes(canonical)) list.push(canonical)
    }
  }
  return found
}

/** In lower case, without a dot at the end. */
export const plainName = (name: string): string => name.toLowerCase().replace(/\.$/, '')

/** 0.0.0.0 and ::, by which lists block names: no address that anybody can dial. */
export const isUnspecified = (words: Uint32Array): boolean => words.every(word => word === 0)
