/**
 * Objects of a Kubernetes API as resources, beside those of the files.
 *
 * The unit is the resource: what is wrong with one says nothing of another. A finding has the
 * resource's title in place of a file, and no line (line 0).
 */

import type { Findings } from '../findings/diagnostic.ts'
import { groupOf } from '../kinds.ts'
import { Resource, type ResourceFacts } from '../resource.ts'
import { type Draft, draftOf, type Mapping } from './draft.ts'
import { readMetadata } from './metadata.ts'

/** An object as the API has it, reduced to what is read (source/kubernetes). */
export type ApiObject = Mapping & {
  readonly apiVersion: string
  readonly kind: string
  readonly metadata: {
    readonly name: string
    readonly namespace?: string
    readonly labels?: Readonly<Record<string, string>>
    readonly annotations?: Readonly<Record<string, string>>
    readonly creationTimestamp?: string
    readonly deletionTimestamp?: string
  }
}

/** The file that resources of an API say they are from. */
const FROM_API = '<kubernetes>'

/** Whether a resource is the API's. */
export const isFromApi = ({ file }: { readonly file: string }): boolean => file === FROM_API

/** Identifies an object in all versions of its kind: "group kind namespace/name". */
export const objectKey = ({ apiVersion, kind, metadata: { namespace = '', name } }: ApiObject): string =>
  `${groupOf(apiVersion)} ${kind} ${namespace}/${name}`

/** What was read of an object, and found out about it: the same over loads, as the object is. */
type ReadObject = { readonly draft: Draft; readonly facts: ResourceFacts }
const known = new WeakMap<ApiObject, ReadObject>()

function readOnce(object: ApiObject): ReadObject {
  const draft: Draft = draftOf(object, () => ({ file: draft.title, line: 0, column: 0 }))
  return { draft, facts: {} }
}

/** The resource of an object; null if its metadata is unusable, and the findings say so. */
export function readApiObject(object: ApiObject, ordinal: number, findings: Findings): Resource | null {
  const { draft, facts } = known.getOrInsertComputed(object, readOnce)
  const { apiVersion, kind } = object
  findings.veil(kind === 'Secret')
  const metadata = readMetadata(draft, kind, findings)
  findings.veil(false)
  if (metadata === null) return null
  return new Resource({
    apiVersion,
    kind,
    metadata,
    written: draft,
    file: FROM_API,
    ordinal,
    facts,
  })
}

/** The resource of an object that has compiled: nothing of its metadata is checked again. */
export function knownApiObject(object: ApiObject): Resource {
  const { apiVersion, kind, metadata } = object
  const { name, namespace = '', labels = {}, annotations = {} } = metadata
  const known = { name, namespace, labels, annotations, createdMs: null }
  const locate = () => ({ file: `${kind} ${namespace}/${name}`, line: 0, column: 0 })
  return new Resource({
    apiVersion,
    kind,
    metadata: known,
    written: { value: object, locate },
    file: FROM_API,
    ordinal: 0,
  })
}

/** By what a resource of the files has the place of one of the API. */
export const resourceKey = ({ apiVersion, kind, metadata: { namespace, name } }: Resource): string =>
  `${groupOf(apiVersion)} ${kind} ${namespace}/${name}`
