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
import type { Sections } from '../format/sections.ts'
import type { Scope } from '../plan/plan.ts'
import type { BuildMemory } from './build-memory.ts'
import type { ChainsByPort } from './chains.ts'
import { ClassifierBuilder } from './classifier-builder.ts'
import type { BuiltClientNodes, ClientNodes } from './client-nodes.ts'
import type { PlacedRule, RuleRows } from './rule-rows.ts'

/** A listener, or a scope of the listener before it, or rules that a server name finds. */
type Step =
  | 'listener'
  | { readonly scope: Scope; readonly firstRow: number; readonly rows: number }
  | { readonly scope: null; readonly rules: readonly PlacedRule[] }

export type ClassifierSections = Readonly<
  Record<Exclude<ClassifierSection, NameSection>, Uint8Array | Uint32Array | Int32Array>
>

type Built = {
  readonly sections: ClassifierSections
  /** By scope, in their order. */
  readonly ports: readonly ChainsByPort[]
}

export class ClassifierInput {
  readonly #steps: Step[] = []

  addListener(): void {
    this.#steps.push('listener')
  }

  /**
   * The next scope of the listener that was added last.
   *
   * @param rows  Those of its rules that its destination finds.
   */
  addScope(scope: Scope, firstRow: number, rows: number): void {
    this.#steps.push({ scope, firstRow, rows })
  }

  addNamedScope(rules: readonly PlacedRule[]): void {
    this.#steps.push({ scope: null, rules })
  }

  /** The classifier: that of the last table, if it was built of the same. */
  build(rows: RuleRows, clients: ClientNodes, nodes: BuiltClientNodes, memory: BuildMemory | null): Built {
    const before = memory?.last
    if (!before) return this.#build(rows, clients, nodes)
    const { routing, steps } = before
    const { rules, prefixes } = rows.words
    const isSame =
      areEqual(steps, this.words()) &&
      areEqual(routing.words('rules'), rules) &&
      areEqual(routing.words('prefixes'), prefixes)
    if (!isSame) return this.#build(rows, clients, nodes)
    memory.reused++
    return builtBefore(routing)
  }

  #build(rows: RuleRows, clients: ClientNodes, nodes: BuiltClientNodes): Built {
    const builder = new ClassifierBuilder(clients)
    const ports: ChainsByPort[] = []
    for (const step of this.#steps) {
      if (step === 'listener') builder.addListener()
      else {
        if (step.scope) builder.addScope(step.scope)
        else builder.addNamedScope()
        for (const { rule, row, condition } of rulesOf(step, rows)) builder.addRule(rule, row, condition)
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
      else if (step.scope) {
        const { port, addresses } = step.scope
        words.push(1, port, addresses.length, step.firstRow, step.rows)
        for (const { family, bits, words: address } of addresses) words.push(family, bits, ...address)
      } else {
        words.push(2, step.rules.length)
        for (const { row } of step.rules) words.push(row)
      }
    }
    return Uint32Array.from(words)
  }
}

const rulesOf = (step: Exclude<Step, 'listener'>, rows: RuleRows): readonly PlacedRule[] => {
  if (step.scope === null) return step.rules
  return step.rows === 0 ? [] : rows.placedIn(step.scope, step.firstRow)
}

const areEqual = (left: Uint32Array, right: Uint32Array): boolean =>
  Buffer.compare(bytesOf(left), bytesOf(right)) === 0

const bytesOf = ({ buffer, byteOffset, byteLength }: Uint32Array): Uint8Array =>
  new Uint8Array(buffer, byteOffset, byteLength)

/** The classifier of a table that was built of the same. */
function builtBefore(sections: Sections<'routing'>): Built {
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
