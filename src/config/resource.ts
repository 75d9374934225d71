/**
 * A resource: one Kubernetes-style object of a file, as plain data with its place.
 *
 * Text becomes resources in text/ (parsing, positions, limits, `kind: List`); validate/ decides
 * whether a resource is right; plan/ makes the Plan of all of them. This module has only what the
 * three share.
 */

import type { Path, Place } from './findings/diagnostic.ts'

export type Metadata = {
  readonly name: string
  /** Completed: "default" if the file has none. Cluster-wide kinds (Namespace) have ''. */
  readonly namespace: string
  readonly labels: Readonly<Record<string, string>>
  readonly annotations: Readonly<Record<string, string>>
  /** Milliseconds since 1970; null if the file has no creationTimestamp. */
  readonly createdMs: number | null
}

/**
 * What was found out about a resource's content, whatever file it is in; it is kept with the
 * content over reloads (text/document-memory.ts).
 */
export type ResourceFacts = {
  /** Of its value; of a Secret, by the key of this process. */
  digest?: string
  /** The profile for which it is valid, and without any finding. */
  flawlessFor?: 'sidecar' | 'ambient'
}

/** What was written, and where each field of it is. */
export type Written<Value = Readonly<Record<string, unknown>>> = {
  readonly value: Value
  /**
   * The place of a field. A missing field has the place of its nearest existing parent, so a
   * "missing" finding points at the object that lacks it.
   */
  locate(path: Path): Place
}

/**
 * One resource. `value` is the whole object as written (apiVersion, kind, metadata, spec …),
 * unchecked.
 */
export class Resource {
  readonly apiVersion: string
  readonly kind: string
  readonly metadata: Metadata
  /** The same over loads, where the file that it is in stays as it is. */
  readonly written: Written
  /** The file it came from, as the operator named it. */
  readonly file: string
  /** Its number in reading order over all files, from 0: the last tie-break everywhere. */
  readonly ordinal: number
  readonly facts: ResourceFacts

  constructor(fields: {
    apiVersion: string
    kind: string
    metadata: Metadata
    written: Written
    file: string
    ordinal: number
    facts?: ResourceFacts
  }) {
    this.apiVersion = fields.apiVersion
    this.kind = fields.kind
    this.metadata = fields.metadata
    this.written = fields.written
    this.file = fields.file
    this.ordinal = fields.ordinal
    this.facts = fields.facts ?? {}
  }

  get value(): Written['value'] {
    return this.written.value
  }

  /** The same in another place among all resources. */
  at(ordinal: number): Resource {
    return ordinal === this.ordinal ? this : new Resource({ ...this, ordinal })
  }

  /** "default/echo", or "echo" for a cluster-wide kind. */
  get id(): string {
    const { namespace, name } = this.metadata
    return namespace === '' ? name : `${namespace}/${name}`
  }

  /** "VirtualService default/echo"; for a kind without required name, "Kustomization". */
  get title(): string {
    return this.id === '' ? this.kind : `${this.kind} ${this.id}`
  }

  locate(path: Path): Place {
    return this.written.locate(path)
  }
}
