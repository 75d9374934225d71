/** Server-side apply: a manager says all that it wants of an object, and owns it from then on. */

import { ApiError } from './errors.ts'
import { hasKey, keysOf } from './list-keys.ts'
import {
  changedLeaves,
  type Entry,
  fromFields,
  leavesOf,
  type Paths,
  removeAt,
  toFields,
} from './managed-fields.ts'
import { type Fields, isEqual, isFields, type KubeObject } from './object.ts'

export interface Manager {
  readonly name: string
  readonly force: boolean
  /** `status`, or the object itself. */
  readonly subresource: string | undefined
}

const entriesOf = (object: KubeObject | undefined): Entry[] =>
  (object?.metadata.managedFields ?? []) as Entry[]

/** What an object becomes. Throws the conflicts with other managers, unless this one forces. */
export function applied(live: KubeObject | undefined, config: KubeObject, manager: Manager): KubeObject {
  const entries = entriesOf(live)
  const isOwn = (each: Entry): boolean =>
    each.operation === 'Apply' && each.manager === manager.name && each.subresource === manager.subresource
  const others = entries.filter(each => !isOwn(each))
  const wanted = leavesOf(config)
  const inLive = leavesOf(live)
  const conflicts = others.flatMap(entry =>
    [...fromFields(entry.fieldsV1)]
      .filter(path => wanted.has(path) && inLive.has(path) && !isEqual(wanted.get(path), inLive.get(path)))
      .map(path => ({ path, by: entry.manager })),
  )
  if (conflicts.length > 0 && !manager.force) throw conflictWith(conflicts)

  const result = structuredClone(merged(live ?? {}, config)) as KubeObject
  const owned: Paths = new Set(others.flatMap(each => [...fromFields(each.fieldsV1)]))
  const had = entries.filter(isOwn).flatMap(each => [...fromFields(each.fieldsV1)])
  for (const path of had) if (!wanted.has(path) && !owned.has(path)) removeAt(result, path)

  const lost = new Set(conflicts.map(each => each.path))
  const kept = others.map(each => without(each, lost)).filter(each => Object.keys(each.fieldsV1).length > 0)
  const own = entryOf(manager, 'Apply', config.apiVersion, new Set(wanted.keys()))
  const { managedFields, ...metadata } = result.metadata
  return { ...result, metadata: { ...metadata, managedFields: [...kept, own] } }
}

/** What an update or another patch changes is its manager's from now on, and nobody else's. */
export function updated(
  before: KubeObject | undefined,
  after: KubeObject,
  name: string,
  subresource: string | undefined,
): KubeObject {
  const changed = changedLeaves(before, after)
  const there = leavesOf(after)
  const isOwn = (each: Entry): boolean =>
    each.operation === 'Update' && each.manager === name && each.subresource === subresource
  const entries = entriesOf(before)
  const paths = [...entries.filter(isOwn).flatMap(each => [...fromFields(each.fieldsV1)]), ...changed]
  const mine: Paths = new Set(paths.filter(path => there.has(path)))
  const others = entries
    .filter(each => !isOwn(each))
    .map(each => {
      const gone = [...fromFields(each.fieldsV1)].filter(path => changed.has(path) || !there.has(path))
      return without(each, new Set(gone))
    })
    .filter(each => Object.keys(each.fieldsV1).length > 0)
  const own = entryOf({ name, force: false, subresource }, 'Update', after.apiVersion, mine)
  const managedFields = [...others, ...(mine.size > 0 ? [own] : [])]
  return { ...after, metadata: { ...after.metadata, managedFields } }
}

function merged(live: unknown, config: unknown, field = ''): unknown {
  const keys = keysOf(field, live, config)
  if (Array.isArray(live) && Array.isArray(config) && keys.length > 0) {
    const result = [...live]
    for (const each of config as Fields[]) {
      const found = result.findIndex(other => hasKey(other, keys, each))
      if (found < 0) result.push(each)
      else result[found] = merged(result[found], each)
    }
    return result
  }
  if (!isFields(live) || !isFields(config)) return config
  const result: Fields = { ...live }
  for (const [name, value] of Object.entries(config)) result[name] = merged(live[name], value, name)
  return result
}

function without(entry: Entry, paths: Paths): Entry {
  if (paths.size === 0) return entry
  const left = [...fromFields(entry.fieldsV1)].filter(path => !paths.has(path))
  return { ...entry, fieldsV1: toFields(new Set(left)) }
}

const entryOf = (
  { name, subresource }: Manager,
  operation: Entry['operation'],
  apiVersion: string,
  paths: Paths,
): Entry => ({
  manager: name,
  operation,
  apiVersion,
  time: new Date().toISOString().replace(/\.\d+/, ''),
  fieldsType: 'FieldsV1',
  fieldsV1: toFields(paths),
  ...(subresource !== undefined && { subresource }),
})

function conflictWith(conflicts: readonly { readonly path: string; readonly by: string }[]): ApiError {
  const causes = conflicts.map(({ path, by }) => ({
    reason: 'FieldManagerConflict',
    message: `conflict with "${by}"`,
    field: (JSON.parse(path) as string[]).map(step => `.${step.slice(2)}`).join(''),
  }))
  const told = causes.map(({ message, field }) => `${message}: ${field}`).join('\n')
  const count = causes.length === 1 ? '1 conflict' : `${causes.length} conflicts`
  return new ApiError(409, 'Conflict', `Apply failed with ${count}: ${told}`, { causes })
}
