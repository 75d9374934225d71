/** Lists whose elements are known by a key: of strategic merge patches and of server-side apply. */

import { type Fields, isFields } from './object.ts'

/** By the field's name. All other lists are replaced as a whole. */
const KEYS: Readonly<Record<string, readonly string[]>> = {
  addresses: ['type'],
  conditions: ['type'],
  containers: ['name'],
  env: ['name'],
  imagePullSecrets: ['name'],
  initContainers: ['name'],
  listeners: ['name'],
  ownerReferences: ['uid'],
  ports: ['containerPort', 'port'],
  secrets: ['name'],
  versions: ['name'],
  volumeMounts: ['mountPath'],
  volumes: ['name'],
}

/** The keys by which the elements of such a list are told apart, or none. */
export function keysOf(field: string, ...lists: readonly unknown[]): readonly string[] {
  const elements = lists.flatMap(list => (Array.isArray(list) ? list : []))
  const keys = (KEYS[field] ?? []).filter(key => elements.some(each => isFields(each) && key in each))
  const [first] = keys
  return first !== undefined && elements.every(each => isFields(each) && first in each) ? [first] : []
}

export const hasKey = (element: unknown, keys: readonly string[], of: Fields): boolean =>
  isFields(element) && keys.every(key => element[key] === of[key])
