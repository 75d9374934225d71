/**
 * The listeners of the served table: what is lost where some of them close, and how the traffic of
 * each is found in the counts.
 */

import type { LoadedResource } from '../../config/load.ts'
import type { Cold } from '../../table/format/cold.ts'
import { Scope } from '../../table/format/routing-layout.ts'
import { destinationsOf } from '../../table/format/rows.ts'
import type { Table } from '../../table/format/table.ts'
import { destinationName } from '../../table/plan/destination.ts'
import { defaultKey, type Loss, lossOf, ruleKey } from './loss.ts'

/** With the rows of its scopes. */
type OldListener = { readonly key: string; readonly gateway: string; readonly scopes: number[] }

export class OldListeners {
  readonly #table: Table
  readonly #cold: Cold
  /** Made in one pass: a change may close thousands, each with a service of its own. */
  readonly #byKey: ReadonlyMap<string, OldListener>

  constructor(table: Table, cold: Cold) {
    this.#table = table
    this.#cold = cold
    const listeners = table.sockets.map(({ key, gateway }): OldListener => ({ key, gateway, scopes: [] }))
    for (const [row, { listener }] of cold.scopes.entries()) listeners[listener].scopes.push(row)
    this.#byKey = firstByKey(listeners, each => each.key)
  }

  /** The keys of the rules and services behind a listener. */
  keysOf(name: string): string[] {
    return (this.#byKey.get(name)?.scopes ?? []).flatMap(row => {
      const route = this.#table.scopes[row * Scope.WORDS + Scope.defaultRoute]
      const services = route < 0 ? [] : destinationsOf(this.#table, this.#cold, route).map(destinationName)
      return [...this.#cold.scopes[row].rules.map(rule => ruleKey(rule.origin)), ...services.map(defaultKey)]
    })
  }

  /**
   * The listeners that close, each with the rules and the services of its connections.
   *
   * @param elsewhere  The place of one whose Gateway, or for the mesh the Settings, is not among
   * the resources.
   */
  closing(names: readonly string[], resources: readonly LoadedResource[], elsewhere: Loss['at']): Loss[] {
    if (names.length === 0) return []
    const byTitle = firstByKey(resources, each => each.title)
    const settings = resources.find(each => each.title.startsWith('Settings '))
    return names.map(name => {
      const gateway = this.#byKey.get(name)?.gateway ?? ''
      const found = gateway === 'mesh' ? settings : byTitle.get(`Gateway ${gateway}`)
      const at = found ? { file: found.file, line: found.line, resource: found.title } : elsewhere
      return lossOf(name, at, this.keysOf(name))
    })
  }
}

function firstByKey<Item>(items: readonly Item[], keyOf: (item: Item) => string): ReadonlyMap<string, Item> {
  const found = new Map<string, Item>()
  for (const item of items) if (!found.has(keyOf(item))) found.set(keyOf(item), item)
  return found
}
