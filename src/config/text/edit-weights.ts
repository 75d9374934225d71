/**
 * The weights of a route, read and changed in the text of a file: only digits change, so comments
 * and layout stay.
 *
 * Files are split and parsed as they are for serving. A weight that another place shares (by an
 * alias, an anchor or a merge) is not changed: the other place would change with it.
 */

import { isAlias, isMap, isPair, isScalar, isSeq, type Node, Scalar, type YAMLMap } from 'yaml'
import { parseDocument } from './parse.ts'
import { resolveScalar } from './scalar.ts'
import { splitDocuments } from './split.ts'

/** Blocks whose routes weir can serve. */
const BLOCKS = ['tcp', 'tls', 'http'] as const
const GROUP = 'networking.istio.io/'
/** Aliases of aliases that are followed. */
const HOPS_MAX = 16

/** A destination of a route, as written. */
type WrittenDestination = {
  readonly host: string
  readonly subset: string | null
  readonly weight: number
}

export type WrittenRoute = {
  readonly namespace: string
  /** "namespace/name". */
  readonly virtualService: string
  readonly block: (typeof BLOCKS)[number]
  readonly route: number
  readonly destinations: readonly WrittenDestination[]
  /** Why its weights cannot be changed in place; null: they can. */
  readonly trouble: string | null
}

/** What names a route. */
type Named = { readonly virtualService: string; readonly block: string; readonly route: number }
type Edit = { readonly from: number; readonly to: number; readonly text: string }
/** `offset`: where its document begins. */
type Found = WrittenRoute & { readonly offset: number; readonly maps: readonly YAMLMap[] }

/** The routes of all VirtualServices in `text`, in order. */
export const writtenRoutes = (text: string): WrittenRoute[] =>
  foundRoutes(text).map(({ offset: _, maps: __, ...route }) => route)

/** `text` with other weights for the route; an error says why it cannot be changed. */
export function withWeights(
  text: string,
  wanted: Named,
  weights: readonly number[],
): { readonly text: string } | { readonly error: string } {
  const found = foundRoutes(text).find(each => isSame(each, wanted))
  if (found?.destinations.length !== weights.length) return { error: 'the route is not there any more' }
  if (found.trouble !== null) return { error: found.trouble }
  const edits = found.maps.flatMap((map, index) => {
    const isGiven = found.destinations[index].weight === weights[index]
    return isGiven ? [] : [editOf(text, found.offset, map, weights[index])]
  })
  const changed = edits
    .toSorted((a, b) => b.from - a.from)
    .reduce((all, edit) => all.slice(0, edit.from) + edit.text + all.slice(edit.to), text)
  return isAsked(text, changed, wanted, weights)
    ? { text: changed }
    : { error: 'its layout is unusual: change the weights by hand' }
}

const isSame = (a: Named, b: Named): boolean =>
  a.virtualService === b.virtualService && a.block === b.block && a.route === b.route

/** Whether a change gave this route its weights, and left all others alone. */
function isAsked(before: string, after: string, wanted: Named, weights: readonly number[]): boolean {
  const expected = writtenRoutes(before).map(each =>
    isSame(each, wanted)
      ? { ...each, destinations: each.destinations.map((one, at) => ({ ...one, weight: weights[at] })) }
      : each,
  )
  return JSON.stringify(writtenRoutes(after)) === JSON.stringify(expected)
}

/** Replaces the digits of a weight, or adds one in front of the first key. */
function editOf(text: string, offset: number, map: YAMLMap, weight: number): Edit {
  const written = ownPair(map, 'weight')?.value
  if (isScalar(written) && written.range) {
    const [from, to] = written.range.map(at => at + offset)
    return { from, to, text: `${text[from - 1] === ':' ? ' ' : ''}${weight}` }
  }
  const key = map.items[0]?.key as Scalar
  const at = offset + (key.range?.[0] ?? 0)
  if (map.flow) {
    const name = key.type === Scalar.QUOTE_DOUBLE ? '"weight"' : 'weight'
    return { from: at, to: at, text: `${name}: ${weight}, ` }
  }
  const lineEnd = text.indexOf('\n', at)
  const newLine = lineEnd > 0 && text[lineEnd - 1] === '\r' ? '\r\n' : '\n'
  const column = at - (text.lastIndexOf('\n', at - 1) + 1)
  return { from: at, to: at, text: `weight: ${weight}${newLine}${' '.repeat(column)}` }
}

function foundRoutes(text: string): Found[] {
  // A byte order mark is no part of the first document, but of the offsets.
  const from = text.startsWith('\uFEFF') ? 1 : 0
  return [...splitDocuments(text.slice(from))].flatMap(span => {
    const root = parseDocument(text.slice(from + span.from, from + span.to), () => {})
    return root === null ? [] : [...new Walk(root, from + span.from).routes()]
  })
}

/** A node, and the first reason on the way to it why it cannot be changed in place. */
type Reached = { readonly node: unknown; readonly trouble: string | null }

/** The routes of one document. */
class Walk {
  readonly #root: Node
  readonly #offset: number
  readonly #anchors = new Map<string, Node>()
  readonly #aliased = new Set<string>()

  constructor(root: Node, offset: number) {
    this.#root = root
    this.#offset = offset
    this.#note(root)
  }

  *routes(): Generator<Found> {
    yield* this.#resources(this.#enter(this.#root, null), '', '')
  }

  #note(node: unknown): void {
    if (isAlias(node)) {
      this.#aliased.add(node.source)
      return
    }
    if ((isScalar(node) || isMap(node) || isSeq(node)) && node.anchor)
      this.#anchors.set(node.anchor, node as Node)
    if (isMap(node) || isSeq(node))
      for (const item of node.items)
        for (const each of isPair(item) ? [item.key, item.value] : [item]) this.#note(each)
  }

  /** What an alias stands for, and why it cannot be changed there. */
  #enter(node: unknown, before: string | null): Reached {
    let [trouble, reached] = [before, node]
    for (let hop = 0; isAlias(reached) && hop < HOPS_MAX; hop++) {
      trouble ??= `it is written by an alias (*${reached.source}): change the weights by hand`
      reached = this.#anchors.get(reached.source)
    }
    const anchor = isScalar(reached) || isMap(reached) || isSeq(reached) ? reached.anchor : undefined
    if (anchor && this.#aliased.has(anchor))
      trouble ??= `an alias repeats it elsewhere (&${anchor}): change the weights by hand`
    return { node: reached, trouble }
  }

  /** The value of a key, also where it is merged in. */
  #field({ node, trouble }: Reached, key: string, hops = 0): Reached {
    if (!isMap(node) || hops === HOPS_MAX) return { node: undefined, trouble }
    const own = ownPair(node, key)
    if (own) return this.#enter(own.value, trouble)
    const merged = ownPair(node, '<<')
    if (!merged) return { node: undefined, trouble }
    const why = trouble ?? 'it is merged from elsewhere (<<): change the weights by hand'
    const { node: from } = this.#enter(merged.value, why)
    for (const each of isSeq(from) ? from.items : [from]) {
      const found = this.#field(this.#enter(each, why), key, hops + 1)
      if (found.node !== undefined) return found
    }
    return { node: undefined, trouble }
  }

  #text(at: Reached, ...keys: readonly string[]): string | null {
    const { node } = keys.reduce((reached, key) => this.#field(reached, key), at)
    return isScalar(node) && node.value !== '' ? String(node.value) : null
  }

  /** Resources of a document, also in lists; a typed list's items need no kind. */
  *#resources(at: Reached, impliedVersion: string, impliedKind: string): Generator<Found> {
    const version = this.#text(at, 'apiVersion') ?? impliedVersion
    const kind = this.#text(at, 'kind') ?? impliedKind
    const { node: items, trouble } = this.#field(at, 'items')
    if (kind.endsWith('List') && isSeq(items)) {
      const ofItems = kind === 'List' ? ['', ''] : [version, kind.slice(0, -'List'.length)]
      for (const item of items.items)
        yield* this.#resources(this.#enter(item, trouble), ofItems[0], ofItems[1])
    } else if (kind === 'VirtualService' && version.startsWith(GROUP)) yield* this.#routesOf(at)
  }

  *#routesOf(at: Reached): Generator<Found> {
    const namespace = this.#text(at, 'metadata', 'namespace') ?? 'default'
    const virtualService = `${namespace}/${this.#text(at, 'metadata', 'name') ?? ''}`
    for (const block of BLOCKS) {
      const { node: routes, trouble } = this.#field(this.#field(at, 'spec'), block)
      if (!isSeq(routes)) continue
      for (const [route, each] of routes.items.entries()) {
        const list = this.#field(this.#enter(each, trouble), 'route')
        if (isSeq(list.node)) {
          const place = { namespace, virtualService, block, route }
          yield { ...place, ...this.#weighted(list.node.items, list.trouble) }
        }
      }
    }
  }

  #weighted(items: readonly unknown[], before: string | null) {
    let trouble = before
    const maps: YAMLMap[] = []
    const destinations = items.map(item => {
      const at = this.#enter(item, trouble)
      const weight = this.#field(at, 'weight')
      trouble ??= weight.trouble
      if (isMap(at.node)) maps.push(at.node)
      else trouble ??= 'a destination is no mapping'
      const value = isScalar(weight.node) ? resolveScalar(weight.node).value : null
      if (value !== null && !(Number.isInteger(value) && Number(value) >= 0))
        trouble ??= `the weight "${value}" is no whole number`
      const of = this.#field(at, 'destination')
      const [host, subset] = [this.#text(of, 'host') ?? '', this.#text(of, 'subset')]
      return { host, subset, weight: Number(value ?? 0) }
    })
    return { offset: this.#offset, maps, destinations, trouble }
  }
}

const ownPair = (map: YAMLMap, key: string) =>
  map.items.find(each => isScalar(each.key) && String(each.key.value) === key)
