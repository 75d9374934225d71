/**
 * Client and destination in the labels of Istio's standard metrics
 * (istio.io/latest/docs/reference/config/metrics), so that dashboards made for a mesh show this
 * gateway too.
 *
 * A value that weir cannot know is "unknown", as in Istio: weir sees no certificates, and knows
 * workloads only by their labels. The source is the client, not the gateway.
 */

import type { Destination } from '../../table/plan/destination.ts'
import type { Labels } from './family.ts'

type Pairs = Readonly<Record<string, string>>
type Workload = { readonly namespace: string | null; readonly labels: Pairs }

const UNKNOWN = 'unknown'

export const tcpLabels = (source: Workload, destination: Destination | null, labels: Pairs): Labels => ({
  reporter: 'source',
  ...workload('source', source.namespace ?? UNKNOWN, source.labels),
  ...workload('destination', destination ? namespaceOf(destination.host) : UNKNOWN, labels),
  destination_service: destination?.host ?? UNKNOWN,
  destination_service_name: destination ? nameOf(destination.host) : UNKNOWN,
  destination_service_namespace: destination ? namespaceOf(destination.host) : UNKNOWN,
  request_protocol: 'tcp',
  response_flags: '-',
  connection_security_policy: UNKNOWN,
})

/** The labels of connections that share one count. */
export const OTHER_TCP: Labels = Object.fromEntries(
  Object.entries(tcpLabels({ namespace: null, labels: {} }, null, {})).map(([name, value]) => [
    name,
    value === UNKNOWN && name !== 'connection_security_policy' ? 'other' : value,
  ]),
)

function workload(side: 'source' | 'destination', namespace: string, labels: Pairs): Labels {
  const app = labels.app ?? UNKNOWN
  const version = labels.version ?? UNKNOWN
  const service = labels['service.istio.io/canonical-name'] ?? labels['app.kubernetes.io/name'] ?? app
  const revision =
    labels['service.istio.io/canonical-revision'] ??
    labels['app.kubernetes.io/version'] ??
    labels.version ??
    'latest'
  return {
    [`${side}_workload`]: labels['service.istio.io/workload-name'] ?? UNKNOWN,
    [`${side}_workload_namespace`]: namespace,
    [`${side}_principal`]: UNKNOWN,
    [`${side}_app`]: app,
    [`${side}_version`]: version,
    [`${side}_canonical_service`]: service,
    [`${side}_canonical_revision`]: revision,
    [`${side}_cluster`]: UNKNOWN,
  }
}

const KUBERNETES = /^([^.]+)\.([^.]+)\.svc(\.|$)/

/** "reviews" of reviews.default.svc.cluster.local; otherwise the whole host. */
const nameOf = (host: string): string => KUBERNETES.exec(host)?.[1] ?? host

const namespaceOf = (host: string): string => KUBERNETES.exec(host)?.[2] ?? UNKNOWN
