/**
 * Splits a file's text into its YAML documents and parses each alone: an unclosed quote in one
 * cannot swallow the next, and the largest document determines the memory. A line that starts with
 * `---` is a boundary even inside a quoted or block scalar (YAML 1.2 §9.1.2, c-forbidden), and
 * kubectl cuts there too.
 */

/** One document: text from `from` up to `to`. */
export type Span = { readonly from: number; readonly to: number }

/** Only a line feed starts a line: `^` with the m flag would also match after U+2028. */
const BOUNDARY = /(?<![^\n])(?:---|\.\.\.)(?!\S)/g

/**
 * The documents of `text` that hold more than space and comments, in order.
 *
 * Directives (%YAML, %TAG) belong to the document whose `---` follows them, so that mark does not
 * cut. The work is linear: each character is looked at once by the search for boundaries and once
 * by the search for content, which starts anew only behind a cut.
 */
export function* splitDocuments(text: string): Generator<Span> {
  let from = 0
  let content = firstContent(text, 0)
  /** The current span starts with directives, and their `---` is still to come. */
  let hasDirectives = text[content] === '%'
  for (const { 0: mark, index } of text.matchAll(BOUNDARY)) {
    if (mark === '---' && hasDirectives) {
      hasDirectives = false
      continue
    }
    if (content < index) yield { from, to: index }
    from = mark === '---' ? index : index + mark.length
    content = firstContent(text, index + mark.length)
    hasDirectives = mark === '...' && text[content] === '%'
  }
  if (content < text.length) yield { from, to: text.length }
}

/**
 * The offset of the first character from `from` on that is neither space nor comment, or the text's
 * length. It never lies behind the next boundary, whose own characters are content.
 */
function firstContent(text: string, from: number): number {
  const nonSpace = /\S/g
  nonSpace.lastIndex = from
  for (;;) {
    const found = nonSpace.exec(text)
    if (!found) return text.length
    if (found[0] !== '#') return found.index
    const end = text.indexOf('\n', found.index)
    if (end < 0) return text.length
    nonSpace.lastIndex = end
  }
}
