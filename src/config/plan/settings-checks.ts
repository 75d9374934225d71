/**
 * Health checks of the Settings: the first entry that fits a destination checks its endpoints, in
 * place of the annotation of a DestinationRule.
 */

import type { Cluster } from '../../table/plan/plan.ts'
import type { Findings, Path } from '../findings/diagnostic.ts'
import { quote } from '../findings/quote.ts'
import type { Resource } from '../resource.ts'
import type { HealthCheckSetting, Settings } from '../settings/settings.ts'
import type { DestinationRules } from './destination-rules.ts'
import type { HostHints } from './host-hints.ts'
import { portOfService, type Registry } from './registry.ts'

type Inputs = {
  readonly settings: Settings
  /** The Settings document, if there is one. */
  readonly document: Resource | null
  readonly registry: Registry
  readonly rules: DestinationRules
  readonly hints: HostHints
  readonly findings: Findings
}

/** The clusters with the checks that the Settings have for them. */
export function withSettingsChecks(clusters: readonly Cluster[], inputs: Inputs): readonly Cluster[] {
  const { settings, document } = inputs
  if (document === null || settings.healthChecks.length === 0) return clusters
  const entries = settings.healthChecks
  for (const [index, each] of entries.entries()) report(each, index, entries.slice(0, index), inputs)
  return clusters.map(cluster => {
    const found = cluster.kind === 'static' && entries.find(each => covers(each, cluster))
    if (!found) return cluster
    const { host: _, subset: __, port: ___, ...check } = found
    return { ...cluster, check }
  })
}

/** Whether a check is for all that `other` names. */
const covers = (
  { host, subset, port }: Pick<HealthCheckSetting, 'host' | 'subset' | 'port'>,
  other: Pick<HealthCheckSetting, 'host' | 'subset' | 'port'>,
): boolean =>
  host === other.host && (subset === null || subset === other.subset) && (port === 0 || port === other.port)

function report(
  entry: HealthCheckSetting,
  index: number,
  earlier: readonly HealthCheckSetting[],
  { document, registry, rules, hints, findings }: Inputs,
): void {
  if (document === null) return
  const at = (code: 'CFG443' | 'CFG444', field: string, message: string, hint?: string): void => {
    const path: Path = ['spec', 'healthChecks', index, field]
    findings.at(code, document, path, message, hint)
  }
  const { host, port, subset } = entry
  const service = registry.find(host, null)
  const first = earlier.findIndex(each => covers(each, entry))
  if (first >= 0) at('CFG444', 'host', `healthChecks[${first}] already checks ${quote(host)}`)
  else if (service === null)
    at('CFG443', 'host', `no resource defines ${quote(host)}`, hints.for(host, host, ''))
  else if (port !== 0 && !portOfService(service, port))
    at('CFG443', 'port', `${quote(host)} has no port ${port}`)
  else if (subset !== null && !rules.find(host, service.namespace, service.namespace)?.subsets.has(subset))
    at('CFG443', 'subset', `no DestinationRule defines subset ${quote(subset)} of ${quote(host)}`)
}
