/**
 * The conditions of rules besides the destination address, and which of them imply others.
 *
 * An earlier rule can cover a later one only if the later one implies all its conditions: fewer
 * labels, the same namespace or none, the same port or any, client ranges around the later one's, a
 * server name around its own.
 */

import type { Cidr } from '../../address/address.ts'
import { own } from '../../base/own.ts'
import type { Rule, SourceCondition } from '../../table/plan/plan.ts'
import { namesMeet, takesName } from '../../table/plan/server-name.ts'
import { isWithin, PrefixMap } from './prefix-map.ts'

type Ask = {
  readonly source: SourceCondition
  /** Empty is any. */
  readonly clients: readonly Cidr[]
  /** 0 is any. */
  readonly port: number
  /** A pattern of server names; absent is any. */
  readonly name?: string
}

/** Comparisons of two asks in one list of rules; beyond that only the empty ask is considered. */
const COMPARED_MAX = 2_000_000

/** Whether every connection that matches `narrow` matches `wide`. */
function implies(narrow: Ask, wide: Ask): boolean {
  return (
    (wide.port === 0 || wide.port === narrow.port) &&
    impliesSource(narrow.source, wide.source) &&
    takesName(wide.name ?? '*', narrow.name ?? '*') &&
    (wide.clients.length === 0 ||
      (narrow.clients.length > 0 &&
        narrow.clients.every(inner => wide.clients.some(outer => isWithin(inner, outer)))))
  )
}

function impliesSource(narrow: SourceCondition, wide: SourceCondition): boolean {
  const namespaces = namespacesOf(narrow)
  return (
    Object.entries(wide.labels).every(([key, value]) => own(narrow.labels, key) === value) &&
    (wide.namespace === null || (namespaces?.every(each => each === wide.namespace) ?? false)) &&
    (wide.visibleTo === null || (namespaces?.every(each => wide.visibleTo?.includes(each)) ?? false))
  )
}

/** The namespaces of the clients that a condition can hold for; null: any; an empty list: none. */
export function namespacesOf({ namespace, visibleTo }: SourceCondition): readonly string[] | null {
  if (namespace === null) return visibleTo
  return visibleTo === null || visibleTo.includes(namespace) ? [namespace] : []
}

/** Whether one connection can match both, wherever it goes to. */
export function overlap(left: Rule, right: Rule): boolean {
  const [here, there] = [namespacesOf(left.source), namespacesOf(right.source)]
  return (
    (left.port === 0 || right.port === 0 || left.port === right.port) &&
    (here === null ? (there?.length ?? 1) > 0 : here.some(each => there?.includes(each) ?? true)) &&
    Object.entries(left.source.labels).every(
      ([key, value]) => !Object.hasOwn(right.source.labels, key) || right.source.labels[key] === value,
    ) &&
    (left.names ?? ['*']).some(one => (right.names ?? ['*']).some(two => namesMeet(one, two))) &&
    (left.clients.length === 0 ||
      right.clients.length === 0 ||
      left.clients.some(one => right.clients.some(two => isWithin(one, two) || isWithin(two, one))))
  )
}

/** The asks of a list of rules, each once, with those that each implies. */
export class Asks {
  readonly list: Ask[] = []
  readonly #indexes = new Map<string, number>()

  /**
   * The number of the ask of `rule`; `port` is its port, and `name` is one of its server names, if
   * they are still open.
   */
  indexOf({ source, clients }: Rule, port: number, name: string | undefined): number {
    const ask: Ask = name === undefined ? { source, clients, port } : { source, clients, port, name }
    const key = isNothing(ask) ? '' : keyOf(ask)
    const known = this.#indexes.get(key)
    if (known !== undefined) return known
    this.#indexes.set(key, this.list.length)
    return this.list.push(ask) - 1
  }

  /**
   * For each ask the numbers of the wider ones, without itself; `complete` is false if that took
   * too long.
   */
  wider(): { readonly lists: readonly (readonly number[])[]; readonly complete: boolean } {
    const index = new WiderIndex(this.list)
    const lists = this.list.map((_, narrow) => index.widerThan(narrow))
    return { lists, complete: index.compared <= COMPARED_MAX }
  }
}

function isNothing({ source, clients, port, name }: Ask): boolean {
  if (name !== undefined) return false
  if (source.namespace !== null || source.visibleTo !== null || clients.length > 0 || port !== 0) return false
  for (const _ in source.labels) return false
  return true
}

function keyOf({ source: { namespace, labels, visibleTo }, clients, port, name = '*' }: Ask): string {
  const ranges = clients.map(({ family, words, bits }) => [family, bits, ...words])
  return JSON.stringify([namespace, Object.entries(labels).sort(), visibleTo, ranges, port, name])
}

/**
 * Asks indexed by one of their conditions. A wider ask shares that condition, so of 100 000 asks
 * only a few are compared with each.
 */
class WiderIndex {
  compared = 0
  readonly #list: readonly Ask[]
  readonly #byNeed = new Map<string, number[]>()
  readonly #byClients = new PrefixMap<number[]>()
  /** Asks with a server name are indexed by their pattern, whatever else they ask for. */
  readonly #byName = new Map<string, number[]>()
  readonly #free: number[] = []
  /** The empty ask is wider than all others; −1 if there is none. */
  readonly #nothing: number

  constructor(list: readonly Ask[]) {
    this.#list = list
    this.#nothing = list.findIndex(isNothing)
    for (const [index, { source, clients, name }] of list.entries()) {
      if (index === this.#nothing) continue
      const [label] = Object.entries(source.labels)
      const need = label
        ? labelNeed(label)
        : source.namespace === null
          ? null
          : namespaceNeed(source.namespace)
      if (name !== undefined) this.#byName.getOrInsertComputed(name, () => []).push(index)
      else if (need !== null) this.#byNeed.getOrInsertComputed(need, () => []).push(index)
      else if (clients.length > 0) for (const cidr of clients) this.#addClient(cidr, index)
      else this.#free.push(index)
    }
  }

  widerThan(narrow: number): readonly number[] {
    const ask = this.#list[narrow]
    const found = new Set(this.#nothing < 0 || this.#nothing === narrow ? [] : [this.#nothing])
    const look = (candidates: readonly number[] = []): void => {
      this.compared += candidates.length
      if (this.compared > COMPARED_MAX) return
      for (const wide of candidates) if (wide !== narrow && implies(ask, this.#list[wide])) found.add(wide)
    }
    look(this.#free)
    for (const pattern of patternsAround(ask.name)) look(this.#byName.get(pattern))
    for (const label of Object.entries(ask.source.labels)) look(this.#byNeed.get(labelNeed(label)))
    for (const namespace of namespacesOf(ask.source) ?? []) look(this.#byNeed.get(namespaceNeed(namespace)))
    const [client] = ask.clients
    if (client) for (const candidates of this.#byClients.around(client)) look(candidates)
    return [...found]
  }

  #addClient(cidr: Cidr, index: number): void {
    const there = this.#byClients.get(cidr)
    if (there) there.push(index)
    else this.#byClients.set(cidr, [index])
  }
}

const labelNeed = ([key, value]: [string, string]): string => `label ${key}=${value}`
const namespaceNeed = (namespace: string): string => `namespace ${namespace}`

/** The patterns that cover a pattern: itself first, then ever wider ones. */
export function patternsAround(pattern = '*'): string[] {
  const around = [pattern]
  const first = pattern.indexOf('.', pattern.startsWith('*.') ? 2 : 1)
  for (let dot = first; dot > 0; dot = pattern.indexOf('.', dot + 1)) around.push(`*${pattern.slice(dot)}`)
  return pattern === '*' ? around : [...around, '*']
}
