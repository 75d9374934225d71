/**
 * Cuts a file's text into its YAML documents, so that each is parsed alone: a quote that never closes in one
 * cannot swallow the next, and memory is that of the largest document. A line that starts with `---` is a
 * boundary even inside a quoted or block scalar (YAML 1.2 §9.1.2, c-forbidden), and kubectl cuts there too.
 */

/** One document: text from `from` up to `to`. */
export type Span = { readonly from: number; readonly to: number }

/** Only a line feed starts a line: `^` with the m flag would also match after U+2028. */
const BOUNDARY = /(?<![^\n])(?:---|\.\.\.)(?!\S)/g

/** The documents of `text` that hold more than space and comments, in order. */
export function* splitDocuments(text: string): Generator<Span> {
  let from = 0
  for (const { 0: mark, index } of text.matchAll(BOUNDARY)) {
    const content = firstContent(text, from, index)
    // Directives (%YAML, %TAG) stand before the `---` of the document that they are for.
    if (mark === '---' && text[content] === '%' && content < index) continue
    if (content < index) yield { from, to: index }
    from = mark === '---' ? index : index + mark.length
  }
  if (firstContent(text, from, text.length) < text.length) yield { from, to: text.length }
}

/** The offset of the first character that is neither space, comment nor the opening `---`, or `to`. */
function firstContent(text: string, from: number, to: number): number {
  const nonSpace = /\S/g
  nonSpace.lastIndex = text.startsWith('---', from) ? from + 3 : from
  for (;;) {
    const found = nonSpace.exec(text)
    if (!found || found.index >= to) return to
    if (found[0] !== '#') return found.index
    const end = text.indexOf('\n', found.index)
    if (end < 0) return to
    nonSpace.lastIndex = end
  }
}
