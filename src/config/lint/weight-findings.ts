/** Reports destinations of a route that get no connections, or that appear twice. */

import type { Findings, Path } from '../findings/diagnostic.ts'
import { quote } from '../findings/quote.ts'
import { expandHost } from '../plan/names.ts'
import type { VirtualService } from '../plan/virtual-services.ts'

type Written = NonNullable<NonNullable<VirtualService['spec']['tcp']>[number]['route']>[number]

export function reportWeights(virtualService: VirtualService, notes: boolean, findings: Findings): void {
  const { spec, blocks } = virtualService
  for (const [index, { route }] of (spec.tcp ?? []).entries()) {
    if (route && route.length > 1)
      reportRoute(virtualService, route, ['spec', 'tcp', index, 'route'], notes, findings)
  }
  if (blocks.http.length === 0) return
  const route = (spec.http?.[0]?.route ?? []) as readonly Written[]
  reportRoute(virtualService, route, ['spec', 'http', 0, 'route'], notes, findings)
}

function reportRoute(
  { resource, namespace }: VirtualService,
  route: readonly Written[],
  path: Path,
  notes: boolean,
  findings: Findings,
): void {
  if (route.length < 2) return
  const seen = new Map<string, number>()
  for (const [index, { destination, weight }] of route.entries()) {
    const at = [...path, index]
    const host = destination?.host ?? ''
    const key = `${expandHost(host, namespace)} ${destination?.subset ?? ''} ${destination?.port?.number ?? 0}`
    const first = seen.getOrInsert(key, index)
    if (first !== index) {
      const { line } = resource.locate([...path, first])
      findings.at('CFG458', resource, at, `${nameOf(destination)} is already in this route, on line ${line}`)
    }
    if (weight === undefined || weight === null) {
      findings.at(
        'CFG456',
        resource,
        at,
        `${nameOf(destination)} has no weight, so it gets no connections beside the others`,
      )
    } else if (weight === 0 && notes) {
      findings.at(
        'CFG457',
        resource,
        [...at, 'weight'],
        `${nameOf(destination)} gets no connections: its weight is 0`,
      )
    }
  }
}

const nameOf = (destination: Written['destination']): string =>
  `${quote(destination?.host ?? '')}${destination?.subset ? ` subset ${destination.subset}` : ''}`
