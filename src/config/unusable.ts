/**
 * The unusable parts of the files: text that is not YAML, resources with errors.
 *
 * Other resources do not see them, so much of what their author wrote would seem to be missing.
 * This module keeps what they may define, as far as it is known, so that weir does not report it as
 * missing (findings/causes.ts).
 */

import type { Place } from './findings/diagnostic.ts'
import type { Resource } from './resource.ts'

/** A resource with errors; '' for an unknown name. */
export type UnusableResource = {
  readonly kind: string
  readonly namespace: string
  readonly name: string
  readonly value: Readonly<Record<string, unknown>>
}

export class Unusable {
  /** The place of the first; null if all resources are usable. */
  first: Place | null = null
  /** Whether there is text whose kind is unknown. */
  hasUnknown = false
  /** Resources that nobody may use; whatever else is wrong with them is told in the same run. */
  readonly unchecked: Resource[] = []
  readonly #byKind = new Map<string, UnusableResource[]>()

  /** Text that weir could not read. */
  addUnknown(place: Place): void {
    this.first ??= place
    this.hasUnknown = true
  }

  /** A resource that is only partly known. */
  addPart(resource: UnusableResource, place: Place): void {
    this.first ??= place
    this.#byKind.getOrInsertComputed(resource.kind, () => []).push(resource)
  }

  add(resource: Resource): void {
    const { kind, metadata, value } = resource
    this.addPart({ kind, namespace: metadata.namespace, name: metadata.name, value }, resource.locate([]))
  }

  /** A resource that is known in full. */
  addWhole(resource: Resource): void {
    this.add(resource)
    this.unchecked.push(resource)
  }

  /** Those of some kinds. */
  of(...kinds: readonly string[]): readonly UnusableResource[] {
    return kinds.flatMap(kind => this.#byKind.get(kind) ?? [])
  }
}
