/** The listener of a connection before it is routed: one of the Gateways that share a socket. */

import { ABSENT } from '../format/pair-index.ts'
import { Listener, Scope } from '../format/routing-layout.ts'
import type { Table } from '../format/table.ts'
import { findNamedScope } from './named-scope.ts'
import type { Query } from './query.ts'

/** The listener's row, or −1: no server takes the connection. Never throws, allocates nothing. */
export function listenerOf(table: Table, { listener, isTls, serverName }: Query): number {
  const only = table.listeners[listener * Listener.WORDS + Listener.onlyScope]
  if (only === ABSENT || table.scopes[only * Scope.WORDS + Scope.byName] === 0) return listener
  const row = findNamedScope(table, only, isTls, serverName)
  return row < 0 ? -1 : table.scopes[row * Scope.WORDS + Scope.listener]
}
