/** Which sessions may resume: the identity of a server's context, and its keys of tickets. */

import { createHash, hkdfSync } from 'node:crypto'
import type { TlsServer } from '../table/plan/tls.ts'
import type { Material, TicketKeys } from './material.ts'

/**
 * Sessions of one context resume in no other: neither another server's, nor that of the same server
 * before its authorities or revocations changed, since a resumed session is not verified again.
 */
export function contextId({ name, clients, verify }: TlsServer, { authorities, crl }: Material): Buffer {
  const hash = createHash('sha256').update(JSON.stringify([name, clients, verify]))
  for (const part of [authorities, crl]) hash.update(`${part?.length ?? -1}:`).update(part ?? '')
  return hash.digest()
}

/**
 * The current key and the one before, if there is one: the same for all workers; those of one
 * context open no ticket of another.
 */
export const ticketKeysOf = ({ current, previous }: TicketKeys, id: Buffer, bytes: number): Buffer[] =>
  [current, previous]
    .filter(each => each !== null)
    .map(each => Buffer.from(hkdfSync('sha256', each, id, 'weir tickets', bytes)))
