/** The three patches that kubectl knows: JSON patch, JSON merge patch and strategic merge patch. */

import { ApiError, badRequest } from './errors.ts'
import { hasKey, keysOf } from './list-keys.ts'
import { type Fields, isEqual, isFields } from './object.ts'

/** RFC 7386: null removes, lists are replaced. */
export function mergePatch(target: unknown, patch: unknown): unknown {
  if (!isFields(patch)) return patch
  const result: Fields = isFields(target) ? { ...target } : {}
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) delete result[name]
    else result[name] = mergePatch(result[name], value)
  }
  return result
}

interface Operation {
  readonly op: string
  readonly path: string
  readonly from?: string
  readonly value?: unknown
}

/** RFC 6902. A test that fails is answered as the API server does, by 422. */
export function jsonPatch(target: unknown, operations: readonly Operation[]): unknown {
  const root = { '': structuredClone(target) }
  for (const operation of operations) {
    const { op, path, from, value } = operation
    if (op === 'add') add(root, path, value)
    else if (op === 'remove') take(root, path)
    else if (op === 'replace') {
      take(root, path)
      add(root, path, value)
    } else if (op === 'copy') add(root, path, structuredClone(at(root, from as string)))
    else if (op === 'move') add(root, path, take(root, from as string))
    else if (op === 'test') {
      if (!isEqual(at(root, path), value)) throw refused(`testing value ${path} failed`)
    } else throw badRequest(`unexpected kind: ${op}`)
  }
  return root['']
}

const refused = (why: string): ApiError =>
  new ApiError(422, 'Invalid', `the server rejected our request due to an error in our request: ${why}`)

/** The container of what a pointer names, and its name there. Pointers begin below the key ''. */
function locate(root: object, pointer: string): { holder: Fields | unknown[]; name: string } {
  const names = `${pointer}`.split('/').map(each => each.replaceAll('~1', '/').replaceAll('~0', '~'))
  const name = names.pop() as string
  let holder: unknown = root
  for (const each of names) holder = (holder as Fields | undefined)?.[each]
  if (typeof holder !== 'object' || holder === null) throw refused(`missing path ${pointer}`)
  return { holder: holder as Fields, name }
}

function at(root: object, pointer: string): unknown {
  const { holder, name } = locate(root, pointer)
  return (holder as Fields)[name]
}

function add(root: object, pointer: string, value: unknown): void {
  const { holder, name } = locate(root, pointer)
  if (Array.isArray(holder)) holder.splice(name === '-' ? holder.length : Number(name), 0, value)
  else holder[name] = value
}

function take(root: object, pointer: string): unknown {
  const { holder, name } = locate(root, pointer)
  if (!(name in holder)) throw refused(`remove operation does not apply: doc is missing ${pointer}`)
  if (Array.isArray(holder)) return holder.splice(Number(name), 1)[0]
  const value = holder[name]
  delete holder[name]
  return value
}

const ORDER = '$setElementOrder/'
const DELETE_VALUES = '$deleteFromPrimitiveList/'

/** A merge patch that merges lists, too, by the keys of their elements. */
export function strategicPatch(target: unknown, patch: unknown): unknown {
  if (!isFields(patch)) return patch
  const { $patch, $retainKeys, ...given } = patch
  if ($patch === 'delete') return undefined
  const result: Fields = isFields(target) && $patch !== 'replace' ? { ...target } : {}
  if (Array.isArray($retainKeys))
    for (const name of Object.keys(result)) if (!$retainKeys.includes(name)) delete result[name]
  for (const [name, value] of Object.entries(given)) {
    if (name.startsWith(ORDER)) continue
    if (name.startsWith(DELETE_VALUES)) {
      const field = name.slice(DELETE_VALUES.length)
      result[field] = ((result[field] ?? []) as unknown[]).filter(
        each => !(value as unknown[]).includes(each),
      )
    } else if (value === null) delete result[name]
    else
      result[name] = Array.isArray(value)
        ? mergedList(name, result[name], value)
        : strategicPatch(result[name], value)
    if (result[name] === undefined) delete result[name]
  }
  return result
}

function mergedList(field: string, target: unknown, patch: readonly unknown[]): unknown[] {
  if (patch.some(each => isFields(each) && each.$patch === 'replace'))
    return patch.filter(each => !isFields(each) || each.$patch !== 'replace')
  const keys = keysOf(field, target, patch)
  if (keys.length === 0 || !Array.isArray(target)) return [...patch]
  const result = [...target]
  for (const each of patch as Fields[]) {
    const found = result.findIndex(other => hasKey(other, keys, each))
    if (each.$patch === 'delete') {
      if (found >= 0) result.splice(found, 1)
    } else if (found >= 0) result[found] = strategicPatch(result[found], each)
    else result.push(each)
  }
  return result
}
