/** What the rows of a table say of TLS: servers by their scope, upstreams by their cluster. */

import type { TlsServer, TlsUpstream } from '../plan/tls.ts'
import { Cluster, Scope } from './routing-layout.ts'

/** The section `tls`: each value once. */
export type TlsRows = { readonly servers: readonly TlsServer[]; readonly upstreams: readonly TlsUpstream[] }

type Views = { readonly scopes: Int32Array; readonly clusters: Int32Array; readonly tls: TlsRows }

/**
 * The server that terminates TLS for a scope's clients; null: none.
 *
 * @param scope  Its row, such as `findNamedScope` says it; negative: no scope.
 */
export function tlsServerOf({ scopes, tls }: Views, scope: number): TlsServer | null {
  const row = scope < 0 ? 0 : scopes[scope * Scope.WORDS + Scope.tls]
  return row === 0 ? null : tls.servers[row - 1]
}

/** How weir speaks TLS to a cluster; null: not at all. */
export function tlsUpstreamOf({ clusters, tls }: Views, cluster: number): TlsUpstream | null {
  const row = clusters[cluster * Cluster.WORDS + Cluster.tls]
  return row === 0 ? null : tls.upstreams[row - 1]
}
