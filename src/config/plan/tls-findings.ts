/** TLS of a destination that does not go with what its clients speak. */

import type { Cluster, Listener, Plan, Scope } from '../../table/plan/plan.ts'
import type { Findings } from '../findings/diagnostic.ts'
import type { TlsUpstreams } from './tls-upstreams.ts'

type Planned = Pick<Plan, 'listeners' | 'routes' | 'clusters'>

/** Once for each block of `tls` and kind of mistake. */
export function reportLayeredTls(
  { listeners, routes, clusters }: Planned,
  upstreams: TlsUpstreams,
  findings: Findings,
): void {
  if (!clusters.some(each => each.tls)) return
  for (const listener of listeners)
    for (const scope of listener.scopes.filter(each => each.takes && each.serves !== false)) {
      const drawn = routesOf(scope).flatMap(route => routes[route]?.destinations ?? [])
      for (const index of new Set(drawn.map(each => each.cluster)))
        reportDestination(listener, scope, clusters[index], upstreams, findings)
    }
}

const routesOf = ({ rules, defaults = [], defaultRoute }: Scope): number[] => [
  ...rules.filter(each => each.never === null).map(each => each.route),
  ...defaults.map(each => each.route),
  defaultRoute,
]

function reportDestination(
  { gateway, port, reads }: Listener,
  { takes, tls }: Scope,
  cluster: Cluster,
  upstreams: TlsUpstreams,
  findings: Findings,
): void {
  const spot = cluster.tls && upstreams.spotOf(cluster.tls)
  const message = tls ? negotiated(reads) : layered(takes?.plain ?? false)
  if (!spot || message === null) return
  const code = tls ? 'CFG511' : 'CFG510'
  const path = [...spot.path, 'mode']
  const where = gateway === 'mesh' ? `port ${port} of the mesh` : `port ${port} of ${gateway}`
  if (!findings.has(code, spot.resource, path))
    findings.at(code, spot.resource, path, `${cluster.host}:${cluster.port}: ${where} ${message}`)
}

const layered = (takesPlain: boolean): string =>
  `passes TLS through, so its clients' TLS goes within weir's own${takesPlain ? ', except where they speak none' : ''}`

const negotiated = (reads: Listener['reads']): string | null =>
  reads === 'postgres'
    ? 'answers the request for TLS itself, and weir speaks TLS to the destination at once, which PostgreSQL knows from version 17 on'
    : null
