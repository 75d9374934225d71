/** WorkloadEntries as workloads. */

import type { Findings } from '../findings/diagnostic.ts'
import { quote } from '../findings/quote.ts'
import type { Resource } from '../resource.ts'
import type { Condition, Typed, WorkloadEntrySpec } from './inputs.ts'
import { writtenWhere } from './locality.ts'
import type { Workload } from './workload.ts'

/** On a WorkloadEntry whose agent reports its health in the status. */
const HEALTH_CHECKED = 'proxy.istio.io/health-checks-enabled'

export function readWorkloadEntry(
  { resource, value }: Typed<WorkloadEntrySpec>,
  findings: Findings,
): Workload[] {
  const { namespace } = resource.metadata
  const labels = { ...value.labels, ...resource.metadata.labels }
  if (value.address?.startsWith('unix://')) {
    const message = `Unix sockets are not supported: ${quote(value.address)} is ignored`
    findings.at('CFG403', resource, ['spec', 'address'], message)
    return []
  }
  return [
    {
      resource,
      namespace,
      addresses: value.address ? [value.address] : [],
      // Labels of the object override those of the spec (serviceentry/conversion.go,
      // ConvertWorkloadEntry).
      labels,
      serviceAccount: value.serviceAccount ?? '',
      weight: Math.max(1, value.weight ?? 1),
      ports: value.ports ?? {},
      ready: isHealthy(resource),
      terminating: false,
      ownAddress: true,
      where: writtenWhere(value, labels),
    },
  ]
}

/**
 * With health checks, an entry that has not passed yet is no endpoint (serviceentry/conversion.go,
 * isHealthy).
 */
function isHealthy({ metadata, value }: Resource): boolean {
  // The spellings of Go's strconv.ParseBool.
  if (!['1', 't', 'T', 'true', 'TRUE', 'True'].includes(metadata.annotations[HEALTH_CHECKED] ?? ''))
    return true
  const { conditions } = (value.status ?? {}) as { conditions?: readonly Partial<Condition>[] }
  if (!Array.isArray(conditions)) return false
  return conditions.some(each => each?.type === 'Healthy' && each.status === 'True')
}
