/**
 * From bytes to text: refuses bytes that are not text, with the place of the first bad character.
 *
 * A UTF-8 byte order mark is dropped. Control characters are searched per document, so that one
 * broken document leaves the others readable.
 */

import { isUtf8 } from 'node:buffer'
import type { Findings } from '../findings/diagnostic.ts'
import { FILE_BYTES_MAX } from './limits.ts'
import type { Lines } from './lines.ts'

/** A file as the caller read it; `bytes` is the error if that failed. */
export type InputFile = { readonly file: string; readonly bytes: Uint8Array | Error }

/**
 * YAML 1.2 §5.1 allows no control character but tab, the line breaks and NEL; U+FFFD stands for
 * broken UTF-8.
 */
const UNPRINTABLE = /(?![\t\n\r\u0085])\p{Cc}|\uFFFD/u

/** Text to parse; if `lossy`, bytes that are no UTF-8 became U+FFFD. */
export type Decoded = { readonly text: string; readonly lossy: boolean }

/** The text of `input`; null if there is none to parse. */
export function decode({ file, bytes }: InputFile, findings: Findings): Decoded | null {
  const top = { file, line: 1, column: 1 }
  if (bytes instanceof Error) {
    findings.in('CFG001', top, `the file cannot be read: ${bytes.message}`)
  } else if (bytes.length > FILE_BYTES_MAX) {
    findings.in(
      'CFG002',
      top,
      `the file has ${bytes.length} bytes; weir reads at most ${FILE_BYTES_MAX}`,
      'split the file: weir reads any number of files',
    )
  } else if (isUtf16(bytes)) {
    findings.in('CFG003', top, 'the file is UTF-16; weir reads UTF-8', 'save the file as UTF-8')
  } else {
    return { text: new TextDecoder().decode(bytes), lossy: !isUtf8(bytes) }
  }
  return null
}

/** Reports the first forbidden character of a document; true if there is one. */
export function isUnprintable(
  decoded: Decoded,
  from: number,
  to: number,
  lines: Lines,
  findings: Findings,
): boolean {
  const found = UNPRINTABLE.exec(decoded.text.slice(from, to))
  if (!found || (found[0] === '\uFFFD' && !decoded.lossy)) return false
  const place = lines.place(from + found.index)
  if (found[0] === '\uFFFD') findings.in('CFG003', place, 'invalid UTF-8')
  else findings.in('CFG004', place, `control character ${codePoint(found[0])}`)
  return true
}

const codePoint = (character: string): string =>
  `U+${(character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')}`

/**
 * UTF-16 starts with its mark, or without one with two ASCII characters and a zero byte beside
 * each.
 */
function isUtf16(bytes: Uint8Array): boolean {
  const [first, second, third, fourth] = bytes
  if ((first === 0xff && second === 0xfe) || (first === 0xfe && second === 0xff)) return true
  const zero = [first, second, third, fourth].map(byte => byte === 0)
  return bytes.length >= 4 && zero[0] !== zero[1] && zero[0] === zero[2] && zero[1] === zero[3]
}
