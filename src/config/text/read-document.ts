/** From the text of one document to its value and the places of what is in it. */

import type { Findings } from '../findings/diagnostic.ts'
import { Conversion } from './convert.ts'
import { type Decoded, isUnprintable } from './decode.ts'
import { SYNTAX_ERRORS_MAX } from './limits.ts'
import type { Lines } from './lines.ts'
import { outlineRows } from './outline.ts'
import { type OnMistake, parseDocument } from './parse.ts'
import { Places } from './places.ts'
import type { Span } from './split.ts'

export type ReadDocument = {
  /** undefined or null: there is none, or only a mistake. */
  readonly value: unknown
  /** outline.ts. */
  readonly rows: Int32Array
}

const NOTHING: ReadDocument = { value: undefined, rows: new Int32Array(2) }

export function readDocument(decoded: Decoded, span: Span, lines: Lines, findings: Findings): ReadDocument {
  const { from, to } = span
  if (isUnprintable(decoded, from, to, lines, findings)) return NOTHING
  const root = parseDocument(decoded.text.slice(from, to), onePerLine(from, lines, findings))
  if (root === null) return NOTHING
  const places = new Places(lines, from)
  const value = new Conversion(findings, places).convert(root)
  if (value === undefined || value === null) return NOTHING
  return { value, rows: outlineRows(value, root.range?.[0] ?? 0, places.offsetsOf) }
}

/**
 * Reports the first mistake of each line, up to a limit: what follows on a line is mostly its echo.
 */
function onePerLine(from: number, lines: Lines, findings: Findings): OnMistake {
  const reported = new Set<number>()
  return (code, offset, message, hint) => {
    if (reported.size === SYNTAX_ERRORS_MAX) return
    const place = lines.place(from + offset)
    if (!reported.has(place.line)) findings.in(code, place, message, hint)
    reported.add(place.line)
  }
}
