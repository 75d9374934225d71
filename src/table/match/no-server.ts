/** Whether a connection has no route because no server of its socket takes such first bytes. */

import { Listener, Names } from '../format/routing-layout.ts'
import type { Table } from '../format/table.ts'
import type { Query } from './query.ts'

/** The reason for a query without a route; null: its first bytes are not the cause. */
export function noServerReason(
  { listeners }: Table,
  { scope, listener, isTls, serverName }: Query,
): 'no-sni' | 'not-tls' | null {
  if (scope >= 0 || listeners[listener * Listener.WORDS + Listener.names] === Names.unheard) return null
  if (!isTls) return 'not-tls'
  return serverName === '' ? 'no-sni' : null
}
