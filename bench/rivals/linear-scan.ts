/** What one writes first: every prefix in turn, by ipaddr.js. Addresses and prefixes are parsed beforehand. */

import ipaddr from 'ipaddr.js'

export type Scan = readonly (readonly [ipaddr.IPv4 | ipaddr.IPv6, number])[]

export const toScan = (cidrs: readonly string[]): Scan => cidrs.map(cidr => ipaddr.parseCIDR(cidr))

/** The longest prefix around the address, counted from 1; 0 where there is none. */
export function findByScan(scan: Scan, address: ipaddr.IPv4 | ipaddr.IPv6): number {
  let best = -1
  let bits = -1
  for (let index = 0; index < scan.length; index++) {
    const range = scan[index]
    if (range[1] > bits && address.match(range[0], range[1])) {
      best = index
      bits = range[1]
    }
  }
  return best + 1
}
