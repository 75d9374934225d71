/** Namespaces that a Gateway lets in: `from` All, Same, Selector or None. */

import { own } from '../../base/own.ts'
import type { Labels } from '../plan/inputs.ts'
import { hasLabels } from '../plan/workload.ts'
import type { Resource } from '../resource.ts'
import type { FromNamespaces, Selector } from './inputs.ts'

/** The label that every namespace of a cluster has. */
const NAME_LABEL = 'kubernetes.io/metadata.name'

export class Namespaces {
  readonly #labels: ReadonlyMap<string, Labels>

  /** @param resources  Among them Namespaces. */
  constructor(resources: readonly Resource[]) {
    const namespaces = resources.filter(each => each.kind === 'Namespace' && each.apiVersion === 'v1')
    this.#labels = new Map(namespaces.map(({ metadata }) => [metadata.name, metadata.labels]))
  }

  /** @param otherwise  What an absent `from` means. */
  letsIn(allowed: FromNamespaces | undefined, own: string, namespace: string, otherwise: string): boolean {
    const from = allowed?.from ?? otherwise
    if (from === 'All') return true
    if (from === 'Same') return namespace === own
    return from === 'Selector' && this.#fits(allowed?.selector, namespace)
  }

  /** As LabelSelector (apimachinery, meta/v1): an empty one fits all, an absent one none. */
  #fits(selector: Selector | undefined, namespace: string): boolean {
    if (!selector) return false
    const labels = { [NAME_LABEL]: namespace, ...this.#labels.get(namespace) }
    if (!hasLabels(labels, selector.matchLabels ?? {})) return false
    return (selector.matchExpressions ?? []).every(({ key, operator, values = [] }) => {
      const value = own(labels, key)
      if (operator === 'Exists') return value !== undefined
      if (operator === 'DoesNotExist') return value === undefined
      const isIn = value !== undefined && values.includes(value)
      return operator === 'In' ? isIn : !isIn
    })
  }
}
