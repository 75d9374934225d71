/**
 * Who owns which field: `metadata.managedFields`. A set of fields is kept as paths, each a list of
 * steps as FieldsV1 names them: `f:spec`, or `k:{"type":"Accepted"}` for an element of a list.
 */

import { hasKey, keysOf } from './list-keys.ts'
import { type Fields, isEqual, isFields } from './object.ts'

export interface Entry {
  readonly manager: string
  readonly operation: 'Apply' | 'Update'
  readonly apiVersion: string
  readonly time: string
  readonly fieldsType: 'FieldsV1'
  readonly fieldsV1: Fields
  readonly subresource?: string
}

/** Paths as JSON, which a Set can hold. */
export type Paths = Set<string>

/** What nobody owns, as it says which object it is or is written by the server. */
const UNOWNED = new Set(
  ['apiVersion', 'kind']
    .map(name => JSON.stringify([`f:${name}`]))
    .concat(
      ['name', 'namespace', 'uid', 'resourceVersion', 'generation', 'creationTimestamp', 'managedFields'].map(
        name => JSON.stringify(['f:metadata', `f:${name}`]),
      ),
    ),
)

/** The leaves of an object: scalars, empty objects, and lists without keys. */
export function leavesOf(object: unknown): Map<string, unknown> {
  const leaves = new Map<string, unknown>()
  const walk = (value: unknown, path: readonly string[], field: string): void => {
    const key = JSON.stringify(path)
    if (UNOWNED.has(key)) return
    const keys = keysOf(field, value)
    if (Array.isArray(value) && keys.length > 0)
      for (const each of value as Fields[]) {
        const step = `k:${JSON.stringify(Object.fromEntries(keys.map(name => [name, each[name]])))}`
        walk(each, [...path, step], '')
      }
    else if (isFields(value) && Object.keys(value).length > 0)
      for (const [name, each] of Object.entries(value)) walk(each, [...path, `f:${name}`], name)
    else if (path.length > 0) leaves.set(key, value)
  }
  walk(object, [], '')
  return leaves
}

export function changedLeaves(before: unknown, after: unknown): Paths {
  const old = leavesOf(before)
  const changed = [...leavesOf(after)].filter(
    ([path, value]) => !old.has(path) || !isEqual(old.get(path), value),
  )
  return new Set(changed.map(([path]) => path))
}

export function toFields(paths: Paths): Fields {
  const root: Fields = {}
  for (const path of paths) {
    let node = root
    for (const step of JSON.parse(path) as string[]) {
      node[step] ??= step.startsWith('k:') ? { '.': {} } : {}
      node = node[step] as Fields
    }
  }
  return root
}

export function fromFields(fields: Fields): Paths {
  const paths: Paths = new Set()
  const walk = (node: Fields, path: readonly string[]): void => {
    const steps = Object.keys(node).filter(step => step !== '.')
    if (steps.length === 0 && path.length > 0) paths.add(JSON.stringify(path))
    for (const step of steps) walk(node[step] as Fields, [...path, step])
  }
  walk(fields, [])
  return paths
}

/** Takes a field out of an object that may be changed; what held nothing else goes along. */
export function removeAt(object: Fields, path: string): void {
  remove(object, JSON.parse(path) as string[])
}

function remove(holder: Fields, [step, ...rest]: readonly string[]): void {
  const name = step.slice(2)
  if (!(name in holder)) return
  const value = holder[name]
  if (rest.length > 0 && Array.isArray(value)) {
    const [element, ...below] = rest
    const key = JSON.parse(element.slice(2)) as Fields
    const found = value.findIndex(each => hasKey(each, Object.keys(key), key))
    if (found < 0) return
    // The key is owned with the element, so an element whose key goes is gone.
    const isKey = below.length === 1 && below[0].slice(2) in key
    if (isKey || below.length === 0) value.splice(found, 1)
    else remove(value[found] as Fields, below)
    if (value.length === 0) delete holder[name]
  } else if (rest.length > 0 && isFields(value)) {
    remove(value, rest)
    if (Object.keys(value).length === 0) delete holder[name]
  } else delete holder[name]
}
