/** What goes wrong, scripted: which requests, how often, and how. */

import type { Asked, Verb } from './request.ts'
import type { StreamFault } from './watches.ts'

/** Which requests a fault meets: those that have all that is given. */
export interface When {
  readonly verb?: Verb | readonly Verb[]
  /** The plural. */
  readonly resource?: string
  readonly subresource?: string
  readonly name?: string
  /** Of a list: the first page, or one that continues. */
  readonly continues?: boolean
  readonly path?: RegExp
}

export type Fault =
  /** An answer in place of the real one. 429 and 503 may say when to come again. */
  | { readonly code: number; readonly reason?: string; readonly retryAfterSeconds?: number }
  /** The connection is reset before a byte of the answer. */
  | { readonly reset: true }
  /** The request is never answered, the connection stays. */
  | { readonly unanswered: true }
  /** The answer comes once this is settled. */
  | { readonly until: Promise<unknown> }
  /** The right answer, but only its first half, then a reset. */
  | { readonly half: true }
  /** This text with code 200, in place of the answer. */
  | { readonly body: string }
  /** Of a watch: the stream begins well. */
  | { readonly stream: StreamFault }

export interface Injected {
  /** How often it has been met. */
  readonly met: number
  /** Ends it before it has been met so often as it was to be. */
  remove(): void
}

interface Rule {
  readonly when: When
  readonly fault: Fault
  left: number
  met: number
}

export class Faults {
  readonly #rules: Rule[] = []

  /** The next `times` requests that are so. The first rule that fits is used. */
  inject(when: When, fault: Fault, times = 1): Injected {
    const rule: Rule = { when, fault, left: times, met: 0 }
    this.#rules.push(rule)
    return {
      get met() {
        return rule.met
      },
      remove: () => {
        rule.left = 0
      },
    }
  }

  clear(): void {
    this.#rules.length = 0
  }

  take(asked: Asked): Fault | undefined {
    const rule = this.#rules.find(each => each.left > 0 && fits(each.when, asked))
    if (!rule) return undefined
    rule.left--
    rule.met++
    return rule.fault
  }
}

function fits(when: When, asked: Asked): boolean {
  const { verb, resource, subresource, name, continues, path } = when
  return (
    (verb === undefined || [verb].flat().includes(asked.verb)) &&
    (resource === undefined || asked.plural === resource) &&
    (subresource === undefined || asked.subresource === subresource) &&
    (name === undefined || asked.name === name) &&
    (continues === undefined || asked.query.has('continue') === continues) &&
    (path === undefined || path.test(asked.path))
  )
}
