/**
 * Splits a file's text into its YAML documents and parses each alone: an unclosed quote in one
 * cannot swallow the next, and the largest document determines the memory. A line that starts with
 * `---` is a boundary even inside a quoted or block scalar (YAML 1.2 §9.1.2, c-forbidden), and
 * kubectl cuts there too. JSON objects that follow each other, as `kubectl get -o json >>` and jq
 * write them, are documents without any mark: kubectl reads a stream of them.
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
    if (content < index) yield* cutObjects(text, { from, to: index }, content)
    from = mark === '---' ? index : index + mark.length
    content = firstContent(text, index + mark.length)
    hasDirectives = mark === '...' && text[content] === '%'
  }
  if (content < text.length) yield* cutObjects(text, { from, to: text.length }, content)
}

/** Between an object and the next; in a list there is a comma. */
const NEIGHBOURS = /\}\s*\{/

/**
 * A document that starts with an object of JSON and goes on with another is no YAML: it is cut
 * there. Whatever is no JSON stays whole.
 */
function* cutObjects(text: string, { from, to }: Span, content: number): Generator<Span> {
  let start = from
  if (text[content] === '{' && NEIGHBOURS.test(text.slice(content, to)))
    for (let at = content; ; ) {
      const end = endOfObject(text, at, to)
      const next = end < 0 ? to : firstContent(text, end)
      if (text[next] !== '{' || next >= to || !isJson(text.slice(at, end))) break
      yield { from: start, to: end }
      start = end
      at = next
    }
  yield { from: start, to }
}

/** Behind the brace that closes the one at `at`; negative: none does. */
function endOfObject(text: string, at: number, to: number): number {
  let depth = 0
  let isQuoted = false
  for (let index = at; index < to; index++) {
    const character = text[index]
    if (isQuoted && character === '\\') index++
    else if (character === '"') isQuoted = !isQuoted
    else if (isQuoted) continue
    else if (character === '{') depth++
    else if (character === '}' && --depth === 0) return index + 1
  }
  return -1
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
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
