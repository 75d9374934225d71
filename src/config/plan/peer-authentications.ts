/**
 * PeerAuthentications: if one requires mutual TLS for a workload, the workload refuses the plain
 * text that weir sends.
 *
 * The nearest mode counts: of the workload's port, of the workload, of its namespace, of the mesh;
 * among equals the oldest (pilot/pkg/security/authn/policy_applier.go).
 */

import type { Plan } from '../../table/plan/plan.ts'
import type { Findings, Path } from '../findings/diagnostic.ts'
import type { Resource } from '../resource.ts'
import type { PeerAuthenticationSpec, Typed } from './inputs.ts'
import { plainAddress, ROOT_NAMESPACE } from './names.ts'
import { hasLabels, type Workload } from './workload.ts'
import type { Workloads } from './workloads.ts'

type Written = Typed<PeerAuthenticationSpec>
type Mode = { readonly mode: string; readonly by: Resource; readonly path: Path }

export function reportPeerAuthentications(
  policies: readonly Written[],
  workloads: Workloads,
  clusters: Plan['clusters'],
  findings: Findings,
): void {
  if (policies.length === 0) return
  const refusing = new Set<Resource>()
  const byAddress = new Map(workloads.byAddress())
  for (const { host, endpoints } of clusters)
    for (const { address, port } of endpoints)
      for (const workload of byAddress.get(plainAddress(address)) ?? []) {
        const strict = isInMesh(workload.resource) ? modeOf(policies, workload, port) : null
        if (strict?.mode !== 'STRICT' || refusing.has(strict.by)) continue
        refusing.add(strict.by)
        const message = `weir sends plain text to ${host}, and STRICT refuses it at ${workload.resource.title}`
        findings.at('CFG435', strict.by, strict.path, message)
      }
  for (const { resource } of policies)
    if (!refusing.has(resource))
      findings.at(
        'CFG434',
        resource,
        ['spec'],
        'weir does not speak mutual TLS: the policy changes nothing here',
      )
}

/** Whether a proxy of the mesh takes its connections, so that a mode has an effect at all. */
function isInMesh({ metadata }: Resource): boolean {
  const { labels, annotations } = metadata
  return (
    annotations['sidecar.istio.io/status'] !== undefined ||
    annotations['ambient.istio.io/redirection'] === 'enabled' ||
    labels['security.istio.io/tlsMode'] === 'istio'
  )
}

/** The mode at a port of a workload, and the resource that sets it; null: none. */
function modeOf(policies: readonly Written[], { namespace, labels }: Workload, port: number): Mode | null {
  const own = policies.filter(({ resource, value }) => {
    const wanted = value.selector?.matchLabels ?? {}
    return (
      resource.metadata.namespace === namespace && Object.keys(wanted).length > 0 && hasLabels(labels, wanted)
    )
  })
  const general = (where: string): Written[] =>
    policies.filter(
      ({ resource, value }) =>
        resource.metadata.namespace === where && Object.keys(value.selector?.matchLabels ?? {}).length === 0,
    )
  const said = [
    ...own.slice(0, 1).flatMap(each => [portMode(each, port), wholeMode(each)]),
    ...general(namespace).slice(0, 1).map(wholeMode),
    ...general(ROOT_NAMESPACE).slice(0, 1).map(wholeMode),
  ]
  return said.find(each => each !== null && each.mode !== 'UNSET') ?? null
}

const wholeMode = ({ resource, value }: Written): Mode | null =>
  value.mtls?.mode === undefined
    ? null
    : { mode: value.mtls.mode, by: resource, path: ['spec', 'mtls', 'mode'] }

function portMode({ resource, value }: Written, port: number): Mode | null {
  const mode = value.portLevelMtls?.[String(port)]?.mode
  return mode === undefined
    ? null
    : { mode, by: resource, path: ['spec', 'portLevelMtls', String(port), 'mode'] }
}
