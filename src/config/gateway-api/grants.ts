/** ReferenceGrants: which references across namespaces are allowed, and by whom. */

import type { Typed } from '../plan/inputs.ts'
import type { ReferenceGrantSpec } from './inputs.ts'

/** Who refers. */
type From = { readonly group: string; readonly kind: string; readonly namespace: string }
/** To what. */
type To = From & { readonly name: string }

export class Grants {
  readonly #byNamespace: ReadonlyMap<string, readonly Typed<ReferenceGrantSpec>[]>

  constructor(grants: readonly Typed<ReferenceGrantSpec>[]) {
    this.#byNamespace = Map.groupBy(grants, each => each.resource.metadata.namespace)
  }

  /** Within a namespace nobody has to grant anything. */
  allows(from: From, to: To): boolean {
    if (from.namespace === to.namespace) return true
    return (this.#byNamespace.get(to.namespace) ?? []).some(
      ({ value }) =>
        (value.from ?? []).some(
          each => each.group === from.group && each.kind === from.kind && each.namespace === from.namespace,
        ) &&
        (value.to ?? []).some(
          each => each.group === to.group && each.kind === to.kind && (each.name || to.name) === to.name,
        ),
    )
  }
}
