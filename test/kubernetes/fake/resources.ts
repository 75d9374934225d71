/** The verbs that write an object, and GET. */

import { parse } from 'yaml'
import { applied, updated } from './apply.ts'
import { ApiError, badRequest, invalid, noSuchPath, notFound, unsupportedMedia } from './errors.ts'
import type { Kind } from './kinds.ts'
import { inVersion } from './lists.ts'
import { type Fields, isFields, type KubeObject, placeOf } from './object.ts'
import { jsonPatch, mergePatch, strategicPatch } from './patch.ts'
import type { Asked } from './request.ts'
import type { Store } from './store.ts'

export interface Body {
  readonly text: string
  readonly type: string
  /** The name of the program, for fields that it writes without naming a manager. */
  readonly userAgent: string
}

export interface Written {
  readonly code: number
  readonly object: object
}

let generated = 0

export class Resources {
  readonly #store: Store

  constructor(store: Store) {
    this.#store = store
  }

  answer(kind: Kind, asked: Asked, body: Body): Written {
    if (asked.subresource !== undefined && !(asked.subresource === 'status' && kind.hasStatus))
      throw noSuchPath()
    const { code, object } = this.#do(kind, asked, body)
    const isObject = isFields(object) && object.kind === kind.kind
    return { code, object: isObject ? inVersion(object as KubeObject, kind, asked.version) : object }
  }

  #do(kind: Kind, asked: Asked, body: Body): Written {
    const place = placeOf({ namespace: asked.namespace, name: asked.name ?? '' })
    if (asked.verb === 'get') return { code: 200, object: this.#store.get(kind, place) }
    if (asked.verb === 'create') return this.#create(kind, asked, body)
    if (asked.verb === 'delete') return this.#delete(kind, asked, place, body)
    if (asked.verb === 'deletecollection') return this.#deleteAll(kind, asked)
    if (body.type === 'application/apply-patch+yaml' && asked.verb === 'patch')
      return this.#apply(kind, asked, place, body)
    const before = this.#store.get(kind, place)
    const given = asked.verb === 'update' ? objectIn(body, kind) : patched(before, kind, body)
    const object = cleaned(given, kind, asked)
    return { code: 200, object: this.#replace(kind, asked, before, object, body) }
  }

  #create(kind: Kind, asked: Asked, body: Body): Written {
    const object = cleaned(withName(objectIn(body, kind)), kind, asked)
    if (object.metadata.resourceVersion)
      throw badRequest('resourceVersion should not be set on objects to be created')
    if (kind.hasStatus && kind.isCustom) delete object.status
    const owned = updated(undefined, object, managerOf(asked, body), undefined)
    if (isDryRun(asked)) return { code: 201, object: owned }
    return { code: 201, object: this.#store.create(kind, owned) }
  }

  #replace(kind: Kind, asked: Asked, before: KubeObject, given: KubeObject, body: Body): KubeObject {
    const object = withinReach(kind, asked, before, given)
    object.metadata.resourceVersion = given.metadata.resourceVersion ?? ''
    const owned = updated(before, object, managerOf(asked, body), asked.subresource)
    return isDryRun(asked) ? owned : this.#store.replace(kind, owned)
  }

  #apply(kind: Kind, asked: Asked, place: string, { text }: Body): Written {
    const manager = asked.query.get('fieldManager')
    if (!manager) throw badRequest('fieldManager is required for apply patch')
    const config = parse(text) as KubeObject
    if (config.metadata?.managedFields) throw badRequest('metadata.managedFields must be nil')
    const isThere = this.#store.has(kind, place)
    if (!isThere && asked.subresource) throw notFound(kind, asked.name as string)
    const live = isThere ? this.#store.get(kind, place) : undefined
    const wanted = asked.subresource
      ? statusOnly(config)
      : kind.hasStatus && kind.isCustom
        ? withoutStatus(config)
        : config
    const force = asked.query.get('force') === 'true'
    const made = applied(live, wanted, { name: manager, force, subresource: asked.subresource })
    const object = cleaned(made, kind, asked)
    object.metadata.resourceVersion = config.metadata.resourceVersion ?? ''
    if (isDryRun(asked)) return { code: isThere ? 200 : 201, object }
    if (live) return { code: 200, object: this.#store.replace(kind, sameIfSame(live, object)) }
    delete object.metadata.resourceVersion
    return { code: 201, object: this.#store.create(kind, object) }
  }

  #delete(kind: Kind, asked: Asked, place: string, { text }: Body): Written {
    const object = this.#store.get(kind, place)
    const { preconditions } = (text ? parse(text) : {}) as { preconditions?: { uid?: string } }
    if (preconditions?.uid && preconditions.uid !== object.metadata.uid)
      throw new ApiError(409, 'Conflict', 'Precondition failed: UID in precondition does not match')
    if (!isDryRun(asked)) this.#store.remove(kind, place)
    const details = {
      name: object.metadata.name,
      group: kind.group,
      kind: kind.plural,
      uid: object.metadata.uid,
    }
    return {
      code: 200,
      object: { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', details },
    }
  }

  #deleteAll(kind: Kind, { namespace }: Asked): Written {
    const items = this.#store.list(kind, namespace)
    for (const { metadata } of items) this.#store.remove(kind, placeOf(metadata))
    return { code: 200, object: { kind: `${kind.kind}List`, apiVersion: 'v1', metadata: {}, items } }
  }
}

const isDryRun = ({ query }: Asked): boolean => query.get('dryRun') === 'All'

const managerOf = ({ query }: Asked, { userAgent }: Body): string =>
  query.get('fieldManager') ?? (userAgent.split('/')[0] || 'unknown')

function objectIn({ text, type }: Body, kind: Kind): KubeObject {
  if (type !== 'application/json' && type !== 'application/yaml') throw unsupportedMedia('application/json')
  const object = parse(text) as KubeObject
  if (object.kind !== kind.kind) throw badRequest(`${object.kind} does not match ${kind.kind}`)
  return object
}

function patched(before: KubeObject, kind: Kind, { text, type }: Body): KubeObject {
  const patch: unknown = JSON.parse(text)
  if (type === 'application/json-patch+json')
    return jsonPatch(before, patch as Parameters<typeof jsonPatch>[1]) as KubeObject
  if (type === 'application/merge-patch+json') return mergePatch(before, patch) as KubeObject
  if (type === 'application/strategic-merge-patch+json' && !kind.isCustom)
    return strategicPatch(before, patch) as KubeObject
  throw unsupportedMedia(
    'application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml',
  )
}

function withName(object: KubeObject): KubeObject {
  const { name, generateName } = object.metadata
  if (name || !generateName) return object
  generated++
  return {
    ...object,
    metadata: { ...object.metadata, name: `${generateName}${generated.toString(36).padStart(5, '0')}` },
  }
}

/** An object of its own, where the path says that it is. */
function cleaned(object: KubeObject, kind: Kind, { namespace, name }: Asked): KubeObject {
  const metadata = { ...object.metadata }
  if (name !== undefined && metadata.name !== name)
    throw badRequest(`the name of the object (${metadata.name}) does not match the name on the URL (${name})`)
  if (kind.isNamespaced) {
    if ((metadata.namespace ?? namespace) !== namespace)
      throw badRequest(
        'the namespace of the provided object does not match the namespace sent on the request',
      )
    if (namespace) metadata.namespace = namespace
  }
  if (!/^[a-z0-9]([-a-z0-9.:]*[a-z0-9])?$/.test(metadata.name ?? ''))
    throw invalid(kind, metadata.name, `metadata.name: Invalid value: "${metadata.name}"`)
  return { ...object, metadata }
}

/** What a write may change: of the status path the status, of the other everything else. */
function withinReach(kind: Kind, { subresource }: Asked, before: KubeObject, given: KubeObject): KubeObject {
  if (subresource) {
    const { managedFields } = before.metadata
    const metadata = { ...before.metadata, ...(managedFields && { managedFields }) }
    return { ...before, metadata, ...('status' in given && { status: given.status }) }
  }
  const object: KubeObject = { ...given, metadata: { ...given.metadata } }
  if (!kind.hasStatus) return object
  delete object.status
  return 'status' in before ? { ...object, status: before.status } : object
}

const statusOnly = ({ apiVersion, kind, metadata, status }: KubeObject): KubeObject => ({
  apiVersion,
  kind,
  metadata: { name: metadata.name, ...(metadata.namespace && { namespace: metadata.namespace }) },
  status,
})

function withoutStatus({ status, ...rest }: KubeObject): KubeObject {
  return rest as KubeObject
}

/** An apply that changes nothing but the time of its entry changes nothing. */
function sameIfSame(live: KubeObject, object: KubeObject): KubeObject {
  const timeless = (entries: unknown): string =>
    JSON.stringify(((entries ?? []) as Fields[]).map(each => ({ ...each, time: '' })))
  const { managedFields } = live.metadata
  if (timeless(managedFields) !== timeless(object.metadata.managedFields)) return object
  return { ...object, metadata: { ...object.metadata, ...(managedFields && { managedFields }) } }
}
