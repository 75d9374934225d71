/**
 * Session tickets of node:tls with two keys (../../tls/tickets.ts), by a callback that Node has for
 * its own tests alone; without it tickets of the key before are lost.
 */

import { randomBytes } from 'node:crypto'
import type { SecureContext } from 'node:tls'

/** What node:tls takes: 16 bytes of a name, 16 of an HMAC, 16 of AES. */
export const TICKET_KEY_BYTES = 48

/**
 * As in OpenSSL: 0 for no ticket, 1 for a good one, 2 for one to renew. Node looks at the keys in
 * any case, and aborts where there are none.
 */
type Answer = readonly [0 | 1 | 2, Buffer, Buffer, Buffer?, Buffer?]

type Hidden = {
  setTicketKeys(keys: Buffer): void
  enableTicketKeyCallback?(): void
  onticketkeycallback?: (name: Buffer, iv: Buffer, seals: boolean) => Answer
}

/** @param keys  The current one first. */
export function sealTickets({ context }: SecureContext, keys: readonly Buffer[]): void {
  const hidden: Hidden = context
  if (hidden.enableTicketKeyCallback === undefined) {
    hidden.setTicketKeys(keys[0])
    return
  }
  const parts = keys.map(key => [key.subarray(0, 16), key.subarray(16, 32), key.subarray(32)] as const)
  hidden.enableTicketKeyCallback()
  hidden.onticketkeycallback = (name, _iv, seals) => {
    const index = seals ? 0 : parts.findIndex(([each]) => each.equals(name))
    const [own, hmac, aes] = parts[Math.max(0, index)]
    if (seals) return [1, hmac, aes, own, randomBytes(16)]
    return [index < 0 ? 0 : index === 0 ? 1 : 2, hmac, aes]
  }
}
