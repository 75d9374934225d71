/**
 * The loops of a source: which kinds are followed, in which namespaces, and how far each is.
 *
 * Of Secrets and ConfigMaps only those that are named are read, each by itself: RBAC can allow
 * these, and no others. The first ones are watched, the others polled (poller.ts).
 *
 * A loop of a kind ends with its source. One of a single object ends once nothing that is served
 * needs it: where the newest version of a rule is wrong, its last good one may (needed.ts).
 */

import { groupOf } from '../../config/kinds.ts'
import type { Client } from './client.ts'
import { type Scope, titleOfScope } from './kinds.ts'
import type { OnObject } from './known.ts'
import type { Kept } from './objects.ts'
import type { Pace } from './pace.ts'
import { Poller } from './poller.ts'
import { Reflector } from './reflector.ts'
import type { ReflectorState } from './reflector-state.ts'

type LoopsOptions = {
  readonly client: Client
  /** None: all. */
  readonly namespaces: readonly string[]
  readonly onObject: OnObject
  readonly onState: (state: ReflectorState) => void
  /** Called once, when the first object is polled. */
  readonly onPolled: () => void
  readonly pace?: Pace | undefined
}

/** Watches of single objects: each is a connection, and work of the API server. */
export const WATCHED_MAX = 64

export class Loops {
  readonly #options: LoopsOptions
  readonly #loops = new Map<string, Reflector>()
  /** What a loop begins with: the content of a cache, until the API has said what is there. */
  cached: readonly Kept[] = []
  readonly #pollers = new Map<string, Poller>()
  #singles = 0
  #isClosed = false

  constructor(options: LoopsOptions) {
    this.#options = options
  }

  /** All objects of a kind; nothing if they are followed already. */
  follow(kind: Scope['kind']): void {
    const { namespaces } = this.#options
    const scopes = kind.isNamespaced && namespaces.length > 0 ? namespaces : [null]
    for (const namespace of scopes) this.#begin({ kind, namespace, name: null })
  }

  /** One object. @param id  As "namespace/name". */
  followOne(kind: Scope['kind'], id: string): void {
    const [namespace, name] = id.split('/')
    const scope = { kind, namespace, name }
    if (this.#isClosed || this.#loops.has(titleOfScope(scope))) return
    if (this.#pollers.get(kind.kind)?.has(scope)) return
    const { watchedMax = WATCHED_MAX } = this.#options.pace ?? {}
    if (this.#singles < watchedMax) {
      this.#singles++
      this.#begin(scope)
    } else this.#poll(scope)
  }

  /** Gives up single objects of a kind but these. @param ids  As "namespace/name". */
  keepOnly(kind: Scope['kind'], ids: ReadonlySet<string>): void {
    if (this.#isClosed) return
    const isNeeded = ({ namespace, name }: Scope): boolean => ids.has(`${namespace}/${name}`)
    for (const [title, loop] of this.#loops) {
      const { scope } = loop
      if (scope.kind !== kind || scope.name === null || isNeeded(scope)) continue
      this.#loops.delete(title)
      this.#singles--
      loop.giveUp()
      this.#options.onState({ ...loop.state, phase: 'listing', trouble: '', failing: [] })
    }
    this.#pollers.get(kind.kind)?.keepOnly(isNeeded)
  }

  get states(): readonly ReflectorState[] {
    return [...this.#loops.values(), ...this.#pollers.values()].map(each => each.state)
  }

  get isSynced(): boolean {
    return this.#loops.size > 0 && this.states.every(each => each.isSynced)
  }

  async close(): Promise<void> {
    this.#isClosed = true
    await Promise.all([...this.#loops.values(), ...this.#pollers.values()].map(each => each.close()))
  }

  #begin(scope: Scope): void {
    const title = titleOfScope(scope)
    if (this.#loops.has(title) || this.#isClosed) return
    const { client, onObject, onState, pace } = this.#options
    const loop = new Reflector({
      client,
      scope,
      onObject,
      onState: () => onState(loop.state),
      ...(pace && { pace }),
    })
    this.#loops.set(title, loop)
    loop.start(this.cached.filter(each => isIn(scope, each)))
  }

  #poll(scope: Scope): void {
    const { client, onObject, onState, onPolled, pace } = this.#options
    const isFirst = this.#pollers.size === 0
    const poller = this.#pollers.getOrInsertComputed(scope.kind.kind, () => {
      const made: Poller = new Poller({
        client,
        kind: scope.kind,
        onObject,
        onState: () => onState(made.state),
        pace,
      })
      return made
    })
    poller.add(
      scope,
      this.cached.filter(each => isIn(scope, each)),
    )
    if (isFirst) onPolled()
  }
}

function isIn({ kind: { kind, group }, namespace, name }: Scope, { object }: Kept): boolean {
  const { metadata } = object
  const isOfKind = object.kind === kind && groupOf(object.apiVersion) === group
  const isOfScope = namespace === null || metadata.namespace === namespace
  return isOfKind && isOfScope && (name === null || metadata.name === name)
}
