/**
 * Diagnostics: what is wrong in a file, where, and how to fix it.
 *
 * Mistakes are data. No stage of the configuration throws; each adds its findings to a list, so
 * that one run reports every mistake in every file. Codes, their severity and their cure are one
 * table (codes.ts), which docs/errors.md is checked against.
 */

import { isLeftOpen, TEMPLATE } from '../text/left-open.ts'
import { FINDINGS_MAX } from '../text/limits.ts'
import { CODES, type Code } from './codes.ts'

export type Severity = 'error' | 'warning' | 'info'

/** A place in a file; line and column count from 1, as editors do. */
export type Place = { readonly file: string; readonly line: number; readonly column: number }

/** The steps from a resource's root to a field: ['spec', 'tcp', 0, 'match', 0, 'port']. */
export type Path = readonly (string | number)[]

export type Diagnostic = Place & {
  readonly code: Code
  readonly severity: Severity
  /** One sentence: what is wrong, with the offending value. */
  readonly message: string
  /** How to fix it, where that can be said. */
  readonly hint?: string
  /** "VirtualService default/echo", where the mistake is inside a resource. */
  readonly resource?: string
  /** "spec.tcp[0].match[0].port", where the mistake is at a field. */
  readonly field?: string
}

/** "spec.tcp[0].match[0].port"; a key that is no plain word is quoted: `labels["a.b/c"]`. */
export function formatPath(path: Path): string {
  let text = ''
  for (const step of path) {
    if (typeof step === 'number') text += `[${step}]`
    else if (/^[A-Za-z_][\w-]*$/.test(step)) text += text === '' ? step : `.${step}`
    else text += `[${JSON.stringify(step)}]`
  }
  return text
}

/** The value at a path, undefined where there is none. */
export const valueAt = (root: unknown, path: Path): unknown =>
  path.reduce<unknown>(
    (value, step) => (Object(value) as Readonly<Record<string | number, unknown>>)[step],
    root,
  )

/** A finding about a field of a resource, before it is in the list. */
export type Held = {
  readonly code: Code
  readonly resource: Locatable
  readonly path: Path
  readonly message: string
  readonly hint?: string | undefined
}

/** What a resource offers so that a finding can say where it is (../resource.ts). */
export type Locatable = {
  readonly title: string
  /** The whole object as written. */
  readonly value?: unknown
  locate(path: Path): Place
}

/**
 * The list that every stage adds to; of a file with a flood of mistakes it keeps the first
 * FINDINGS_MAX.
 */
export class Findings {
  readonly list: Diagnostic[] = []
  readonly #totals: Record<Severity, number> = { error: 0, warning: 0, info: 0 }
  /**
   * How many there are of each severity in each file, and where in the list "and N more" stands.
   */
  readonly #counts = new Map<string, { found: number; moreIndex: number }>()
  /** What has been said of which field, those that the list left out included. */
  readonly #said = new Set<string>()

  /** Files that were said to be templates. */
  readonly #templates = new Set<string>()

  #holdsBack: ((held: Held) => boolean) | null = null

  /**
   * From now on a finding about a field is left out where `judge` holds it back; null ends that.
   */
  holdBack(judge: ((held: Held) => boolean) | null): void {
    this.#holdsBack = judge
  }

  /** Adds a finding about a field of a resource. */
  at(code: Code, resource: Locatable, path: Path, message: string, hint?: string): void {
    this.#said.add(saying(code, resource, path))
    const held = { code, resource, path, message, hint }
    if (!this.#holdsBack?.(held)) this.add(held)
  }

  /**
   * Adds a finding without suppression; a mistake in a template's placeholder is attributed to the
   * template.
   */
  add({ code, resource, path, message, hint }: Held): void {
    const place = resource.locate(path)
    const open = CODES[code].severity === 'error' && isLeftOpen(resource.value, path)
    if (open && !this.#isFirstOfTemplate(place)) return
    this.#add({
      code: open ? 'CFG016' : code,
      severity: CODES[code].severity,
      message: open ? TEMPLATE : message,
      ...(hint === undefined || open ? {} : { hint }),
      ...place,
      resource: resource.title,
      ...(path.length === 0 ? {} : { field: formatPath(path) }),
    })
  }

  /** Whether this has been said of the field already. */
  has(code: Code, resource: Locatable, path: Path): boolean {
    return this.#said.has(saying(code, resource, path))
  }

  /** Adds a finding about a file that is not (yet) inside any resource. */
  in(code: Code, place: Place, message: string, hint?: string): void {
    this.#add({
      code,
      severity: CODES[code].severity,
      message,
      ...(hint === undefined ? {} : { hint }),
      ...place,
    })
  }

  /** Says that a file is a template, once. */
  template(place: Place, message = TEMPLATE, hint?: string): void {
    if (this.#isFirstOfTemplate(place)) this.in('CFG016', place, message, hint)
  }

  #isFirstOfTemplate({ file }: Place): boolean {
    const isFirst = !this.#templates.has(file)
    this.#templates.add(file)
    return isFirst
  }

  /** How many were found of a severity, those that the list left out included. */
  count(severity: Severity): number {
    return this.#totals[severity]
  }

  #add(found: Diagnostic): void {
    const { file, severity } = found
    this.#totals[severity]++
    const key = `${severity} ${file}`
    const counts = this.#counts.get(key) ?? { found: 0, moreIndex: -1 }
    this.#counts.set(key, counts)
    if (++counts.found <= FINDINGS_MAX) this.list.push(found)
    else {
      if (counts.moreIndex < 0) counts.moreIndex = this.list.length
      const message = `and ${counts.found - FINDINGS_MAX} more of severity "${severity}" in this file`
      this.list[counts.moreIndex] = { code: 'CFG012', severity, message, file, line: 1, column: 1 }
    }
  }
}

const saying = (code: Code, { title }: Locatable, path: Path): string => `${code} ${title} ${path.join('.')}`
