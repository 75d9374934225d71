/**
 * Why a connection finds no route because of its first bytes: no server of its socket takes such
 * clients.
 */

import { Listener, Names } from '../format/routing-layout.ts'
import type { Table } from '../format/table.ts'
import type { Query } from './query.ts'

/** The reason's name for a query without a route; null: the server name is not the cause. */
export function nobodyFor(
  { listeners }: Table,
  { scope, listener, isTls, serverName }: Query,
): 'no-sni' | 'not-tls' | null {
  if (scope >= 0 || listeners[listener * Listener.WORDS + Listener.names] === Names.unheard) return null
  if (!isTls) return 'not-tls'
  return serverName === '' ? 'no-sni' : null
}
