/**
 * Of the scopes of a socket, selects the one that takes the client's server name, and the row of
 * its rules that can match it (../build/named-scopes.ts): one look-up for each label of the name,
 * then one for each pattern around it.
 */

import { ANY_NAME, findName, NOT_TLS } from '../format/name-index.ts'
import { ABSENT, findPair } from '../format/pair-index.ts'
import { Listener, NOBODY, Scope } from '../format/routing-layout.ts'
import type { Table } from '../format/table.ts'
import { tlsServerOf } from '../format/tls.ts'
import type { TlsServer } from '../plan/tls.ts'
import { findScope } from './classifier.ts'
import { findNode } from './find-node.ts'
import type { Query } from './query.ts'

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

/** The scope of a query's destination that depends on names; −1: none. */
function byNameScope(table: Table, query: Query): number {
  const { listener } = query
  const port = table.listeners[listener * Listener.WORDS + Listener.rulePort] || query.destinationPort
  const node = findNode(table.destinations, query.destinationFamily, query.destination)
  const scope = findScope(table, listener, node, port)
  return scope >= 0 && table.scopes[scope * Scope.WORDS + Scope.byName] === 1 ? scope : -1
}

/** Whether the client's server name affects where the connection goes. */
export const asksName = (table: Table, query: Query): boolean => byNameScope(table, query) >= 0

/** The server that terminates TLS for a client whose hello was read; null: it goes on as it is. */
export function terminatingServer(table: Table, query: Query): TlsServer | null {
  const scope = byNameScope(table, query)
  if (scope < 0) return null
  return tlsServerOf(table, findNamedScope(table, scope, query.isTls, query.serverName))
}

/** Whether some server takes clients that do not begin with TLS. */
export function takesPlain(table: Table, query: Query): boolean {
  const scope = byNameScope(table, query)
  return scope >= 0 && findNamedScope(table, scope, false, '') >= 0
}
