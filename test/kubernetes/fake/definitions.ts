/** CustomResourceDefinitions at run time: a kind is served from when its definition is stored. */

import type { Kind, Kinds } from './kinds.ts'
import type { KubeObject } from './object.ts'
import type { Store } from './store.ts'

export const DEFINITION = { apiVersion: 'apiextensions.k8s.io/v1', kind: 'CustomResourceDefinition' }

/** `onGone`: after the objects of a kind whose definition was deleted are gone. */
export function followDefinitions(store: Store, kinds: Kinds, onGone: (kind: Kind) => void): void {
  const definitions = kinds.ofObject(DEFINITION)
  store.follow(definitions, ({ type, object }) => {
    const kind = kinds.define(object)
    if (type !== 'DELETED') {
      // Later, so that whoever watches hears of the definition first.
      if (!object.status) queueMicrotask(() => establish(store, definitions, object))
      return
    }
    store.drop(kind)
    kinds.undefine(kind)
    onGone(kind)
  })
}

/** What `kubectl wait --for condition=established` waits for. */
function establish(store: Store, definitions: Kind, { metadata }: KubeObject): void {
  if (!store.has(definitions, metadata.name)) return
  const object = store.get(definitions, metadata.name)
  const conditionOf = (type: string): object => ({ type, status: 'True', reason: type, message: '' })
  const conditions = ['NamesAccepted', 'Established'].map(conditionOf)
  store.replace(definitions, { ...object, status: { conditions } })
}
