/**
 * What the classifier is built of: listeners, their scopes, and the rules of each as rows.
 *
 * Building it takes longest of a table. Most changes of a configuration only concern where rules
 * lead: weights, endpoints, policies. So the next table has the classifier of the last one, if that
 * was built of the same.
 */

import {
  CLASSIFIER_SECTIONS,
  type ClassifierSection,
  NAME_SECTIONS,
  type NameSection,
} from '../format/layout.ts'
import { Scope as ScopeRow } from '../format/routing-layout.ts'
import { Sections } from '../format/sections.ts'
import type { Rule, Scope } from '../plan/plan.ts'
import type { ChainsByPort } from './chains.ts'
import { ClassifierBuilder } from './classifier-builder.ts'
import type { BuiltClientNodes, ClientNodes } from './client-nodes.ts'

/** A rule's conditions and route, with the row that it has in the table. */
export type PlacedRule = {
  readonly rule: Omit<Rule, 'origin' | 'never'>
  readonly row: number
  readonly condition: number
}

/** A listener, or a scope of the listener before it; null: rules that a server name finds. */
type Step = 'listener' | { readonly scope: Scope | null; readonly rules: readonly PlacedRule[] }

export type ClassifierSections = Readonly<
  Record<Exclude<ClassifierSection, NameSection>, Uint8Array | Uint32Array | Int32Array>
>

type Built = {
  readonly sections: ClassifierSections
  /** By scope, in their order. */
  readonly ports: readonly ChainsByPort[]
}

/** The table that was built last. */
export class BuildMemory {
  /** How many tables had the classifier of the one before. */
  reused = 0
  #last: { readonly steps: Uint32Array; readonly routing: SharedArrayBuffer } | null = null

  /** The last routing part, if its classifier was built of the same; else null. */
  take(input: ClassifierInput, { rules, prefixes }: RuleWords): SharedArrayBuffer | null {
    if (this.#last === null) return null
    const { steps, routing } = this.#last
    const before = new Sections(routing, 'routing')
    const isSame =
      areEqual(steps, input.words()) &&
      areEqual(before.words('rules'), rules) &&
      areEqual(before.words('prefixes'), prefixes)
    if (isSame) this.reused++
    return isSame ? routing : null
  }

  keep(input: ClassifierInput, routing: SharedArrayBuffer): void {
    this.#last = { steps: input.words(), routing }
  }
}

function areEqual(left: Uint32Array, right: Uint32Array): boolean {
  if (left.length !== right.length) return false
  for (let at = 0; at < left.length; at++) if (left[at] !== right[at]) return false
  return true
}

/** The rows that say what rules ask for. */
type RuleWords = { readonly rules: Uint32Array; readonly prefixes: Uint32Array }

export class ClassifierInput {
  readonly #steps: Step[] = []

  addListener(): void {
    this.#steps.push('listener')
  }

  /** The next scope of the listener that was added last. */
  addScope(scope: Scope, rules: readonly PlacedRule[]): void {
    this.#steps.push({ scope, rules })
  }

  addNamedScope(rules: readonly PlacedRule[]): void {
    this.#steps.push({ scope: null, rules })
  }

  build(clients: ClientNodes, nodes: BuiltClientNodes): Built {
    const builder = new ClassifierBuilder(clients)
    const ports: ChainsByPort[] = []
    for (const step of this.#steps) {
      if (step === 'listener') builder.addListener()
      else {
        if (step.scope) builder.addScope(step.scope)
        else builder.addNamedScope()
        for (const { rule, row, condition } of step.rules) builder.addRule(rule, row, condition)
        ports.push(builder.portsOfScope())
      }
    }
    return { sections: builder.finish(nodes), ports }
  }

  /**
   * Equal for equal steps, as far as the rows of rules and prefixes do not say the same. The
   * clients' nodes follow from those rows: they are numbered by the rules' prefixes alone.
   */
  words(): Uint32Array {
    const words: number[] = []
    for (const step of this.#steps) {
      if (step === 'listener') words.push(0)
      else {
        const { port = 0, addresses = [] } = step.scope ?? {}
        words.push(step.scope ? 1 : 2, port, addresses.length, step.rules.length)
        for (const { family, bits, words: address } of addresses) words.push(family, bits, ...address)
        for (const { row } of step.rules) words.push(row)
      }
    }
    return Uint32Array.from(words)
  }
}

/** The classifier of a table that was built of the same. */
export function builtBefore(routing: SharedArrayBuffer): Built {
  const sections = new Sections(routing, 'routing')
  const names = CLASSIFIER_SECTIONS.filter(name => !NAMES.has(name))
  const scopes = sections.signed('scopes')
  const ports = Array.from({ length: scopes.length / ScopeRow.WORDS }, (_, scope) => ({
    anyPortChain: scopes[scope * ScopeRow.WORDS + ScopeRow.anyPortChain],
    ports: scopes[scope * ScopeRow.WORDS + ScopeRow.ports],
  }))
  return {
    sections: Object.fromEntries(names.map(name => [name, sections.bytes(name)])) as ClassifierSections,
    ports,
  }
}

const NAMES: ReadonlySet<ClassifierSection> = new Set(NAME_SECTIONS)
