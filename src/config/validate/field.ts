/**
 * A field: a value in a resource, with its place, at which checks report findings.
 *
 * The checks walk a resource by fields and never touch raw values. A value of the wrong type reads
 * as absent; the shape check reports it, not the check of meaning. `null` is the same as absent, as
 * in Kubernetes.
 */

import { CODES, type Code } from '../findings/codes.ts'
import { formatPath, type Path } from '../findings/diagnostic.ts'
import { quote } from '../findings/quote.ts'

/** The list that receives findings. */
type Report = (code: Code, path: Path, message: string, hint?: string) => void

export const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

export class Field {
  readonly value: unknown
  readonly path: Path
  readonly #report: Report

  constructor(value: unknown, path: Path, report: Report) {
    this.value = value
    this.path = path
    this.#report = report
  }

  get absent(): boolean {
    return this.value === undefined || this.value === null
  }

  /** A text or a list that is present and not empty. */
  get filled(): boolean {
    return (typeof this.value === 'string' || Array.isArray(this.value)) && this.value.length > 0
  }

  /** Absent, or a list without entries. */
  get empty(): boolean {
    return this.absent || (Array.isArray(this.value) && this.value.length === 0)
  }

  get text(): string | undefined {
    return typeof this.value === 'string' ? this.value : undefined
  }

  get number(): number | undefined {
    return typeof this.value === 'number' ? this.value : undefined
  }

  /** The entries of a list; none if this is no list. */
  get items(): readonly Field[] {
    return Array.isArray(this.value) ? this.value.map((_, index) => this.item(index)) : []
  }

  /** The entries of an object; none if this is no object. */
  get entries(): readonly (readonly [string, Field])[] {
    return isObject(this.value) ? Object.keys(this.value).map(key => [key, this.get(key)] as const) : []
  }

  /** "weight", "match[1]": the last steps of the path, for a message. */
  get name(): string {
    const start = this.path.findLastIndex(step => typeof step === 'string')
    return formatPath(this.path.slice(Math.max(start, 0)))
  }

  get(name: string): Field {
    const there = isObject(this.value) && Object.hasOwn(this.value, name)
    return there ? this.#step(name, this.value) : new Field(undefined, [...this.path, name], this.#report)
  }

  item(index: number): Field {
    return this.#step(index, this.value)
  }

  report(code: Code, message: string, hint?: string): void {
    this.#report(code, this.path, message, hint)
  }

  /** Reports the text if `rule` does; a rule returns what is wrong, or null. */
  check(code: Code, rule: (text: string) => string | null, hint?: string): void {
    if (this.text === undefined) return
    const complaint = rule(this.text)
    if (complaint !== null) this.report(code, `${quote(this.text)} ${complaint}`, hint)
  }

  /**
   * The same field without its warnings: istiod loses those of some nested blocks, and so does
   * weir.
   */
  withoutWarnings(): Field {
    return new Field(this.value, this.path, (code, path, message, hint) => {
      if (CODES[code].severity === 'error') this.#report(code, path, message, hint)
    })
  }

  #step(step: string | number, parent: unknown): Field {
    return new Field((parent as Record<string | number, unknown>)[step], [...this.path, step], this.#report)
  }
}
