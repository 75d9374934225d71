/**
 * Diagnostics for people and for programs: text with the source line and a caret, and JSON.
 *
 * The operator's text is never printed raw: control characters could move the cursor or colour the
 * screen, and bidirectional marks could reorder a line (CVE-2021-42574). The caller decides about
 * colours.
 */

import { styleText } from 'node:util'
import { type Diagnostic, isOfApi, type Severity } from './diagnostic.ts'

type RenderOptions = {
  /** The text of a file, to show the wrong line; undefined if it is not available. */
  readonly sourceOf?: (file: string) => string | undefined
  readonly colours?: boolean
}

/** The JSON form of a diagnostic; a finding outside any resource has null for it. */
export type JsonMessage = Omit<Diagnostic, 'resource' | 'field'> & {
  readonly resource: string | null
  readonly field: string | null
}

type JsonReport = {
  readonly valid: boolean
  readonly errors: number
  readonly warnings: number
  readonly messages: readonly JsonMessage[]
}

type Style = Parameters<typeof styleText>[0]
type Paint = (style: Style, text: string) => string

const SEVERITY_STYLE: { readonly [severity in Severity]: Style } = {
  error: ['bold', 'red'],
  warning: ['bold', 'yellow'],
  info: ['bold', 'cyan'],
}
/** Characters of a source line shown around the caret. */
const WINDOW = 120
/** Characters of a message; only a hostile file makes longer ones. */
const MESSAGE_MAX = 2000

/** Every diagnostic, errors first, each with a blank line after it, and a summary line. */
export function renderText(list: readonly Diagnostic[], options: RenderOptions = {}): string {
  const paint: Paint = (style, text) =>
    options.colours ? styleText(style, text, { validateStream: false }) : text
  const lineOf = sourceLines(options.sourceOf)
  const blocks = sort(list).map(each => renderOne(each, each.veiled ? undefined : lineOf(each), paint))
  return [...blocks, summarize(list)].join('\n\n')
}

/** "2 errors, 1 warning in 3 files". */
function summarize(list: readonly Diagnostic[]): string {
  const counts = (['error', 'warning', 'info'] as const)
    .map(severity => ({ severity, count: count(list, severity) }))
    .filter(({ severity, count }) => count > 0 || severity !== 'info')
    .map(({ severity, count }) => plural(count, severity === 'info' ? 'note' : severity))
  const filesOf = (found: readonly Diagnostic[]) => new Set(found.map(({ file }) => file)).size
  const [files, resources] = [filesOf(list.filter(each => !isOfApi(each))), filesOf(list.filter(isOfApi))]
  const places = [
    ...(files > 0 ? [plural(files, 'file')] : []),
    ...(resources > 0 ? [`${plural(resources, 'resource')} of the cluster`] : []),
  ]
  return places.length === 0 ? counts.join(', ') : `${counts.join(', ')} in ${places.join(' and ')}`
}

/** The report as an object; `messages` has the same order as the text. */
export function toReport(list: readonly Diagnostic[]): JsonReport {
  const errors = count(list, 'error')
  const messages = sort(list).map(
    ({ code, severity, message, hint, file, line, column, resource, field }) => ({
      code,
      severity,
      message,
      ...(hint === undefined ? {} : { hint }),
      file,
      line,
      column,
      resource: resource ?? null,
      field: field ?? null,
    }),
  )
  return { valid: errors === 0, errors, warnings: count(list, 'warning'), messages }
}

/** The report as JSON text that is safe to show on a terminal. */
export function renderJson(list: readonly Diagnostic[]): string {
  return safeJson(toReport(list))
}

/** A value as JSON text that is safe to show on a terminal. */
export const safeJson = (value: unknown): string =>
  JSON.stringify(value, null, 2).replace(HIDDEN, found => (found === '\n' ? found : unicode(found)))

const SEVERITIES: readonly Severity[] = ['error', 'warning', 'info']

/**
 * Errors first, then warnings and notes; each by file, line and column, then in the order found.
 */
function sort(list: readonly Diagnostic[]): Diagnostic[] {
  const rank = ({ severity }: Diagnostic): number => SEVERITIES.indexOf(severity)
  const byFile = (left: string, right: string) => (left < right ? -1 : left > right ? 1 : 0)
  return list.toSorted(
    (left, right) =>
      rank(left) - rank(right) ||
      byFile(left.file, right.file) ||
      left.line - right.line ||
      left.column - right.column,
  )
}

function renderOne(found: Diagnostic, source: string | undefined, paint: Paint): string {
  const { file, line, column, severity, code, message, hint, resource, field } = found
  const place = paint('bold', visible(line === 0 ? `${placeInApi(found)}:` : `${file}:${line}:${column}:`))
  const head = paint(SEVERITY_STYLE[severity], `${severity} ${code}:`)
  const about =
    line === 0 ? '' : [resource, field].filter(part => part !== undefined && part !== '').join(', ')
  return [
    `${place} ${head} ${visible(clip(message))}`,
    ...(source === undefined ? [] : excerpt(source, line, column, paint)),
    ...(hint === undefined ? [] : [`  ${paint('green', 'hint:')} ${visible(clip(hint))}`]),
    ...(about === '' ? [] : [`  ${paint('dim', `in ${visible(clip(about))}`)}`]),
  ].join('\n')
}

/** "VirtualService shop/echo spec.tcp[0]", as `kubectl` and people call it. */
export const placeInApi = ({ file, field }: Pick<Diagnostic, 'file' | 'field'>): string =>
  field === undefined ? file : `${file} ${field}`

/** The source line and, under it, a caret. */
function excerpt(source: string, line: number, column: number, paint: Paint): string[] {
  const caret = Math.min(column - 1, source.length)
  const from = Math.max(0, caret - WINDOW / 2)
  const before = `${from > 0 ? '…' : ''}${visible(source.slice(from, caret))}`
  const after = visible(source.slice(caret, from + WINDOW))
  const more = from + WINDOW < source.length ? '…' : ''
  const margin = String(line).padStart(5)
  return [
    `${paint('dim', `${margin} |`)} ${before}${after}${more}`,
    `${paint('dim', `${' '.repeat(margin.length)} |`)} ${' '.repeat(before.length)}${paint(['bold', 'red'], '^')}`,
  ]
}

/** Finds source lines; each file is cut into lines once. */
function sourceLines(sourceOf: RenderOptions['sourceOf']): (found: Diagnostic) => string | undefined {
  const files = new Map<string, readonly string[]>()
  return ({ file, line }) => {
    const lines =
      files.get(file) ??
      sourceOf?.(file)
        ?.replace(/^\uFEFF/, '')
        .split('\n') ??
      []
    files.set(file, lines)
    return lines[line - 1]?.replace(/\r$/, '')
  }
}

/**
 * Everything that a terminal would interpret or hide: controls, formats such as bidi marks, half
 * surrogates.
 */
const HIDDEN = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu

const unicode = (character: string): string =>
  Array.from(
    { length: character.length },
    (_, index) => `\\u${character.charCodeAt(index).toString(16).padStart(4, '0')}`,
  ).join('')

/**
 * `text` with such characters escaped; a tab becomes one space, so that the caret stays below its
 * character.
 */
const visible = (text: string): string =>
  text.replace(HIDDEN, character => (character === '\t' ? ' ' : unicode(character)))

const clip = (text: string): string => (text.length <= MESSAGE_MAX ? text : `${text.slice(0, MESSAGE_MAX)}…`)

const count = (list: readonly Diagnostic[], severity: Severity): number =>
  list.filter(each => each.severity === severity).length

const plural = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? '' : 's'}`
