/**
 * Of the scopes of a socket, the one that takes the client's server name, and of its rules the row
 * of those that can match it (../build/named-scopes.ts): one look-up for each label of the name,
 * then one for each pattern around it.
 */

import { ANY_NAME, findName, NOT_TLS } from '../format/name-index.ts'
import { ABSENT, findPair } from '../format/pair-index.ts'
import { NOBODY } from '../format/routing-layout.ts'
import type { Table } from '../format/table.ts'

/** The row, or −1: nobody takes such clients. Never throws, allocates nothing. */
export function findNamedScope(table: Table, scope: number, isTls: boolean, serverName: string): number {
  let node = isTls ? findName(table.serverNames, serverName) : NOT_TLS
  for (;;) {
    const row = findPair(table.namedScopes, scope, node)
    if (row === NOBODY) return -1
    if (row !== ABSENT) return row
    if (node === ANY_NAME) return -1
    node = table.serverNameParents[node]
  }
}
