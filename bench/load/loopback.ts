/** What both ends of the load share. */

import { errnoName } from '../../src/kernel/errno.ts'

/** 127.0.0.1, as in address/address.ts. */
export const LOOPBACK = new Uint32Array([0x7f000001, 0, 0, 0])

/** Returns an opened descriptor; throws for −errno, since there is nothing to measure then. */
export function opened<T>(result: T | number): T extends number ? number : T {
  if (typeof result === 'number' && result < 0) throw new Error(`the load generator: ${errnoName(result)}`)
  return result as T extends number ? number : T
}
