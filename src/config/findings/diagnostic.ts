/**
 * Diagnostics: what is wrong in a file, where, and how to fix it.
 *
 * Mistakes are data. No stage of the configuration throws; each adds its findings to a list, so
 * that one run reports every mistake in every file. One table (codes.ts) has the codes, their
 * severity and their fix; a test compares docs/errors.md with it.
 */

import { isLeftOpen, TEMPLATE } from '../text/left-open.ts'
import { FINDINGS_MAX } from '../text/limits.ts'
import { CODES, type Code } from './codes.ts'

export type Severity = 'error' | 'warning' | 'info'

/**
 * A place in a file; line and column count from 1, as editors do. A resource of a Kubernetes API
 * has its title for a file, and line 0.
 */
export type Place = { readonly file: string; readonly line: number; readonly column: number }

/** The steps from a resource's root to a field: ['spec', 'tcp', 0, 'match', 0, 'port']. */
export type Path = readonly (string | number)[]

export type Diagnostic = Place & {
  readonly code: Code
  readonly severity: Severity
  /** One sentence: what is wrong, with the offending value. */
  readonly message: string
  /** How to fix it, if there is a hint. */
  readonly hint?: string
  /** "VirtualService default/echo", if the mistake is inside a resource. */
  readonly resource?: string
  /** "spec.tcp[0].match[0].port", if the mistake is at a field. */
  readonly field?: string
  /** It is about a Secret: no line of the file is shown. */
  readonly veiled?: true
}

/** Whether a finding is about a resource of a Kubernetes API: it has no line. */
export const isOfApi = ({ line }: Pick<Diagnostic, 'line'>): boolean => line === 0

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

/** The value at a path; undefined if there is none. */
export const valueAt = (root: unknown, path: Path): unknown =>
  path.reduce<unknown>(
    (value, step) => (Object(value) as Readonly<Record<string | number, unknown>>)[step],
    root,
  )

/** A finding about a field of a resource, before it is added to the list. */
export type Held = {
  readonly code: Code
  readonly resource: Locatable
  readonly path: Path
  readonly message: string
  readonly hint?: string | undefined
}

/** What a finding needs of a resource to give its place (../resource.ts). */
export type Locatable = {
  readonly title: string
  readonly kind: unknown
  /** The whole object as written. */
  readonly value?: unknown
  locate(path: Path): Place
}

/** The list that every stage adds to; it keeps the first FINDINGS_MAX of a file. */
export class Findings {
  readonly list: Diagnostic[] = []
  /** How often anything was found, also what is not listed: suppressed, or beyond the limit. */
  found = 0
  readonly #totals: Record<Severity, number> = { error: 0, warning: 0, info: 0 }
  /**
   * The number of findings of each severity in each file, and where in the list "and N more" is.
   */
  readonly #counts = new Map<string, { found: number; moreIndex: number }>()
  /** The findings per field, including those beyond the limit. */
  readonly #said = new Set<string>()

  /** Files already reported as templates. */
  readonly #templates = new Set<string>()

  #holdsBack: ((held: Held) => boolean) | null = null
  #isVeiled = false

  /** Whether what is read from now on may hold a key: then findings tell nothing of it. */
  veil(isVeiled: boolean): void {
    this.#isVeiled = isVeiled
  }

  /** From now on omits findings about fields that `judge` suppresses; null ends that. */
  holdBack(judge: ((held: Held) => boolean) | null): void {
    this.#holdsBack = judge
  }

  /** Adds a finding about a field of a resource. */
  at(code: Code, resource: Locatable, path: Path, message: string, hint?: string): void {
    this.found++
    this.#said.add(saying(code, resource, path))
    const held = { code, resource, path, message, hint }
    if (!this.#holdsBack?.(held)) this.add(held)
  }

  /**
   * Adds a finding without suppression; a mistake in a template's placeholder is attributed to the
   * template.
   */
  add({ code, resource, path, message, hint }: Held): void {
    this.found++
    const place = resource.locate(path)
    const open = CODES[code].severity === 'error' && isLeftOpen(resource.value, path)
    if (open && !this.#isFirstOfTemplate(place)) return
    const isSecret = resource.kind === 'Secret'
    this.#add({
      code: open ? 'CFG016' : code,
      severity: CODES[code].severity,
      message: open ? TEMPLATE : message,
      ...(hint === undefined || open ? {} : { hint }),
      ...place,
      resource: resource.title,
      ...(path.length === 0 ? {} : { field: formatPath(path) }),
      ...(isSecret && { veiled: true }),
    })
  }

  /** Whether this was already reported for the field. */
  has(code: Code, resource: Locatable, path: Path): boolean {
    return this.#said.has(saying(code, resource, path))
  }

  /** Adds a finding about a file that is not (yet) inside any resource. */
  in(code: Code, place: Place, message: string, hint?: string): void {
    this.found++
    this.#add({
      code,
      severity: CODES[code].severity,
      message,
      ...(hint === undefined ? {} : { hint }),
      ...place,
    })
  }

  /** Reports once that a file is a template. */
  template(place: Place, message = TEMPLATE, hint?: string): void {
    this.found++
    if (this.#isFirstOfTemplate(place)) this.in('CFG016', place, message, hint)
  }

  #isFirstOfTemplate({ file }: Place): boolean {
    const isFirst = !this.#templates.has(file)
    this.#templates.add(file)
    return isFirst
  }

  /** Takes over what was found apart. */
  adopt(other: Findings): void {
    for (const each of other.list) this.#add(each)
    this.know(other)
  }

  /** Counts as reported here what was found apart, and was told before. */
  know(other: Findings): void {
    for (const each of other.#said) this.#said.add(each)
  }

  /** Number of findings of a severity, including those beyond the limit. */
  count(severity: Severity): number {
    return this.#totals[severity]
  }

  #add(given: Diagnostic): void {
    const found = this.#isVeiled || given.veiled ? veiled(given) : given
    const { file, severity } = found
    this.#totals[severity]++
    const key = `${severity} ${file}`
    const counts = this.#counts.get(key) ?? { found: 0, moreIndex: -1 }
    this.#counts.set(key, counts)
    if (++counts.found <= FINDINGS_MAX) this.list.push(found)
    else {
      if (counts.moreIndex < 0) counts.moreIndex = this.list.length
      const message = `and ${counts.found - FINDINGS_MAX} more of severity "${severity}" in this file`
      this.list[counts.moreIndex] = {
        code: 'CFG012',
        severity,
        message,
        file,
        line: Math.min(found.line, 1),
        column: 1,
      }
    }
  }
}

/** Fields of a Secret whose names say nothing. */
const PLAIN_FIELDS = ['apiVersion', 'kind', 'metadata', 'type', 'data', 'stringData']

/** The finding without any of the operator's text: neither a value nor a name of a key. */
function veiled({ hint: _, field, resource, ...found }: Diagnostic): Diagnostic {
  const top = PLAIN_FIELDS.find(each => field === each || field?.startsWith(`${each}.`))
  const message = `${CODES[found.code].title}; nothing of a Secret is shown`
  const isNamed = resource !== undefined && /^Secret [a-z0-9.-]+\/[a-z0-9.-]+$/.test(resource)
  return { ...found, message, veiled: true, ...(top && { field: top }), ...(isNamed && { resource }) }
}

const saying = (code: Code, { title }: Locatable, path: Path): string => `${code} ${title} ${path.join('.')}`
