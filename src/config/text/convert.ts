/**
 * From the nodes of a document to plain data with places.
 *
 * Values are made of objects, arrays, strings, numbers, booleans and null, as JSON has them; no key
 * is `__proto__`. Recursion is safe: the parser has refused deep nesting.
 */

import {
  type Alias,
  isAlias,
  isCollection,
  isMap,
  isScalar,
  isSeq,
  type Node,
  type Pair,
  type Scalar,
  type YAMLMap,
  type YAMLSeq,
} from 'yaml'
import type { Findings } from '../findings/diagnostic.ts'
import { describe, quote } from '../findings/quote.ts'
import { Aliases } from './aliases.ts'
import type { Places } from './places.ts'
import { formatTag, isCollectionTag, isPlain, resolveScalar } from './scalar.ts'

const NUMBER_PROBLEMS = {
  inexact: ['CFG011', 'is rounded: integers beyond 2^53 are not exact'],
  infinite: ['CFG013', 'is not a number in JSON'],
} as const

export class Conversion {
  readonly #findings: Findings
  readonly #places: Places
  readonly #aliases = new Aliases()
  #usable = true

  constructor(findings: Findings, places: Places) {
    this.#findings = findings
    this.#places = places
  }

  /** The data of the document whose root is `node`; undefined if a mistake leaves none. */
  convert(node: Node): unknown {
    const value = this.#value(node, 0)
    return this.#usable ? value : undefined
  }

  /** Reports a mistake after which the document's data would only mislead. */
  #refuse(code: 'CFG006' | 'CFG009' | 'CFG010', node: Node, message: string): null {
    this.#usable = false
    this.#findings.in(code, this.#places.at(this.#offset(node)), message)
    return null
  }

  #offset(node: Node): number {
    return node.range?.[0] ?? 0
  }

  #value(node: Node | null, depth: number): unknown {
    if (isAlias(node)) return this.#alias(node, depth)
    const anchor = node?.anchor
    return anchor
      ? this.#aliases.name(anchor, depth, () => this.#plain(node, depth))
      : this.#plain(node, depth)
  }

  #plain(node: Exclude<Node, Alias> | null, depth: number): unknown {
    this.#aliases.count(depth, isScalar(node) ? String(node.value).length : 0)
    if (isScalar(node)) return this.#scalar(node)
    if (isMap(node)) return this.#mapping(node as YAMLMap<Node, Node | null>, depth)
    return isSeq(node) ? this.#list(node as YAMLSeq<Node | null>, depth) : null
  }

  #alias(node: Alias, depth: number): unknown {
    const expansion = this.#aliases.expand(node.source, depth)
    if (expansion.problem === undefined) return expansion.value
    return this.#refuse(expansion.code, node, expansion.problem)
  }

  #list(node: YAMLSeq<Node | null>, depth: number): unknown[] {
    this.#checkTag(node, 'seq')
    const offsets: number[] = []
    const list = node.items.map(item => {
      offsets.push(this.#offset(item ?? node))
      return this.#value(item, depth + 1)
    })
    this.#places.setList(list, offsets)
    return list
  }

  #mapping(node: YAMLMap<Node, Node | null>, depth: number): Readonly<Record<string, unknown>> {
    this.#checkTag(node, 'map')
    const mapping: Record<string, unknown> = {}
    const offsets = new Map<string, number>()
    const merges: Pair<Node, Node | null>[] = []
    for (const pair of node.items) {
      if (isScalar(pair.key) && pair.key.value === '<<' && isPlain(pair.key)) merges.push(pair)
      else this.#pair(pair, mapping, offsets, depth)
    }
    for (const pair of merges) this.#merge(pair, mapping, offsets, depth)
    this.#places.setMapping(mapping, offsets)
    return mapping
  }

  #pair(
    { key: keyNode, value: node }: Pair<Node, Node | null>,
    mapping: Record<string, unknown>,
    offsets: Map<string, number>,
    depth: number,
  ): void {
    const key = this.#key(keyNode, depth + 1)
    const value = this.#value(node, depth + 1)
    if (key === null) return
    const first = offsets.get(key)
    if (first === undefined) {
      mapping[key] = value
      offsets.set(key, this.#offset(node && value !== null && !isBlock(node) ? node : keyNode))
      return
    }
    const { line } = this.#places.at(first)
    const message = `the key ${quote(key)} appears twice in this mapping; its first value is on line ${line}`
    this.#findings.in('CFG007', this.#places.at(this.#offset(keyNode)), message)
  }

  /** The text of a key. Kubernetes reads `80:` and `on:` as "80" and "true"; weir follows. */
  #key(node: Node, depth: number): string | null {
    const value = this.#value(node, depth)
    const plain = typeof value !== 'object' || value === null
    if (plain && value !== null && value !== '__proto__') return String(value)
    const message = plain ? `${describe(value)} cannot be a key` : 'a key must be plain text'
    const hint = plain ? undefined : 'render a template such as {{ .Values.name }} first'
    this.#findings.in('CFG008', this.#places.at(this.#offset(node)), message, hint)
    return null
  }

  /**
   * `<<`: adds the keys of other mappings that this one, and earlier ones, lack
   * (yaml.org/type/merge).
   */
  #merge(
    { key, value: node }: Pair<Node, Node | null>,
    mapping: Record<string, unknown>,
    offsets: Map<string, number>,
    depth: number,
  ): void {
    const value = this.#value(node, depth)
    for (const source of Array.isArray(value) ? value : [value]) {
      if (typeof source !== 'object' || source === null || Array.isArray(source)) {
        if (this.#usable) this.#refuse('CFG009', key, 'only mappings can be merged with <<')
        return
      }
      const sourceOffsets = this.#places.offsetsOf(source)
      for (const [index, name] of Object.keys(source).entries()) {
        if (offsets.has(name)) continue
        mapping[name] = source[name]
        offsets.set(name, sourceOffsets[index])
      }
    }
  }

  #scalar(node: Scalar): string | number | boolean | null {
    const text = String(node.value)
    const { value, problem } = resolveScalar(node)
    if (problem === 'tag') {
      const tag = quote(formatTag(node.tag ?? ''))
      return this.#refuse('CFG010', node, `the tag ${tag} cannot be used for ${quote(text)}`)
    }
    if (problem !== undefined) {
      const [code, message] = NUMBER_PROBLEMS[problem]
      const place = this.#places.at(this.#offset(node))
      this.#findings.in(code, place, `${quote(text)} ${message}`, 'quote it if it is a string')
    }
    return value
  }

  #checkTag(node: YAMLMap | YAMLSeq, kind: 'map' | 'seq'): void {
    if (isCollectionTag(node.tag, kind)) return
    this.#refuse('CFG010', node, `the tag ${quote(formatTag(node.tag ?? ''))} is not supported`)
  }
}

/** The place of a field with a block below it is the line of its name. */
const isBlock = (node: Node): boolean => isCollection(node) && node.flow !== true
