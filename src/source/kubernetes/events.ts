/** Events of a watch: a type and an object, as a line of JSON. */

import { Failure } from './failures.ts'
import type { Fields } from './objects.ts'

export type Event = { readonly type: string; readonly object: Fields }

/** What marks the end of a streamed list (KEP-3157). */
const INITIAL_END = 'k8s.io/initial-events-end'

/** Asks a watch to begin with all objects; the server has to be as new as its last write. */
export const STREAMED_LIST = { sendInitialEvents: 'true', resourceVersionMatch: 'NotOlderThan' }

export function parseEvent(line: string): Event {
  try {
    const { type, object } = JSON.parse(line)
    if (typeof type === 'string' && typeof object === 'object' && object !== null) return { type, object }
  } catch {
    throw new Failure(0, 'a line of the watch is no JSON')
  }
  throw new Failure(0, 'a line of the watch is no event')
}

export const isInitialEnd = ({ type, object }: Event): boolean =>
  type === 'BOOKMARK' && (Object(metadataOf(object).annotations) as Fields)[INITIAL_END] === 'true'

export const versionOf = ({ object }: Event): string => String(metadataOf(object).resourceVersion ?? '')

/** "namespace/name", or the name of a cluster-wide object. */
export function keyOf(object: Fields): string {
  const { namespace, name } = metadataOf(object)
  return namespace === undefined ? String(name) : `${namespace}/${name}`
}

const metadataOf = ({ metadata }: Fields): Fields => Object(metadata) as Fields
