/** Resources straight from objects, for tests that are not about text. */

import { Findings } from '../../src/config/findings/diagnostic.ts'
import { toPlan } from '../../src/config/plan/to-plan.ts'
import { Resource } from '../../src/config/resource.ts'
import { DEFAULT_SETTINGS, type Settings } from '../../src/config/settings/settings.ts'
import type { Plan } from '../../src/table/plan/plan.ts'

export type Written = {
  apiVersion: string
  kind: string
  metadata: {
    name: string
    namespace?: string
    labels?: Record<string, string>
    annotations?: Record<string, string>
    creationTimestamp?: string
  }
  [field: string]: unknown
}

export const toResources = (written: readonly Written[]): Resource[] =>
  written.map(
    (value, ordinal) =>
      new Resource({
        apiVersion: value.apiVersion,
        kind: value.kind,
        metadata: {
          name: value.metadata.name,
          namespace: value.metadata.namespace ?? 'default',
          labels: value.metadata.labels ?? {},
          annotations: value.metadata.annotations ?? {},
          createdMs: value.metadata.creationTimestamp ? Date.parse(value.metadata.creationTimestamp) : null,
        },
        written: { value, locate: () => ({ file: 'test.yaml', line: 1, column: 1 }) },
        file: 'test.yaml',
        ordinal,
      }),
  )

export type Planned = { readonly plan: Plan; readonly findings: Findings }

export function planOf(
  written: readonly Written[],
  settings: Partial<Settings> = {},
  names: ReadonlyMap<string, readonly string[]> = new Map(),
): Planned {
  const findings = new Findings()
  const { plan } = toPlan(toResources(written), { ...DEFAULT_SETTINGS, ...settings }, names, findings)
  return { plan, findings }
}

/** An Istio resource: `istio('Gateway', 'edge', {...})`, or 'shop/edge' for another namespace. */
export function istio(
  kind: string,
  id: string,
  spec: object,
  metadata: Partial<Written['metadata']> = {},
): Written {
  return { apiVersion: 'networking.istio.io/v1', kind, metadata: { ...identity(id), ...metadata }, spec }
}

/** A Kubernetes resource of the core group; `fields` is all but its metadata. */
export function core(
  kind: string,
  id: string,
  fields: object,
  metadata: Partial<Written['metadata']> = {},
): Written {
  return { apiVersion: 'v1', kind, metadata: { ...identity(id), ...metadata }, ...fields }
}

function identity(id: string): { name: string; namespace: string } {
  const [left, right] = id.split('/')
  return right === undefined ? { name: left, namespace: 'default' } : { name: right, namespace: left }
}
