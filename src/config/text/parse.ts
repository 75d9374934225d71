/**
 * From the text of one document to the nodes of the `yaml` package, within limits.
 *
 * This module drives the package's lexer, parser and composer lexeme by lexeme, so that it can
 * abandon a document that nests too deep or grows too large. The schema is "failsafe": every scalar
 * stays text, and scalar.ts decides what a plain one means. Duplicate keys are left to convert.ts,
 * which finds them in linear time (the package compares each key with all others of its mapping).
 */

import { Composer, type Document, type ErrorCode, type Node, Parser, Schema } from 'yaml'
import { goLexer } from './go-lexer.ts'
import { DEPTH_MAX, LEXEMES_MAX } from './limits.ts'

/** Receives each mistake: its offset in the text, what is wrong, and how to fix it. */
export type OnMistake = (code: 'CFG005' | 'CFG006', offset: number, message: string, hint?: string) => void

/**
 * The package looks up tags in `knownTags`, a plain object, where `!<__proto__>` or `!<toString>`
 * would find inherited properties.
 */
const SCHEMA = Object.assign(new Schema({ schema: 'failsafe' }), { knownTags: Object.create(null) })

const OPTIONS = {
  schema: SCHEMA,
  uniqueKeys: false,
  prettyErrors: false,
  logLevel: 'silent',
} as const

const HINTS: { readonly [code in ErrorCode]?: string } = {
  TAB_AS_INDENT: 'indent with spaces',
  BAD_INDENT:
    'the keys of one mapping start at the same column; what is in brackets is indented further than its key',
  BLOCK_IN_FLOW: 'inside brackets, quote a string that is "-" or ends in ":"',
  BLOCK_AS_IMPLICIT_KEY: 'put the nested mapping on lines of its own, or quote a string that contains ": "',
  MULTILINE_IMPLICIT_KEY: 'a colon is missing after the key, or the next line is indented wrongly',
  BAD_SCALAR_START: 'quote the string',
}

/** Of what stands behind the end of a root. */
const BEHIND = 'one document ends before it: begin the next one behind a line with only "---"'

/** The root of the document; null if it is empty or broken. Mistakes go to `onMistake`. */
export function parseDocument(text: string, onMistake: OnMistake): Node | null {
  const composing = new Composing(onMistake)
  const parser = new Parser()
  let lexemes = 0
  for (const lexeme of goLexer().lex(text)) {
    const { offset } = parser
    if (lexeme[0] === '"' || lexeme[0] === "'") composing.quoteOffset = offset
    for (const token of parser.next(lexeme)) composing.take(token)
    const excess = excessOf(parser, ++lexemes)
    if (excess) {
      onMistake('CFG006', offset, excess)
      return null
    }
  }
  for (const token of parser.end()) composing.take(token)
  return composing.end()
}

/**
 * Which limit the document exceeds; the parser's stack holds the document and each open collection.
 */
function excessOf(parser: Parser, lexemes: number): string | null {
  if (parser.stack.length - 1 > DEPTH_MAX) return `the document is nested more than ${DEPTH_MAX} levels deep`
  return lexemes > LEXEMES_MAX ? `the document has more than ${LEXEMES_MAX} tokens` : null
}

const hintFor = (code: ErrorCode, message: string): string | undefined =>
  / at node end$/.test(message) ? BEHIND : HINTS[code]

/** What the package reports about a token outside any node. */
const OUTSIDE = /token in YAML stream$/

type Token = Parameters<Composer['next']>[0]

/** A composer that passes its mistakes to a function at once. */
class Composing {
  /** Where the last quoted scalar opened: the place to show if its quote never closes. */
  quoteOffset = 0
  readonly #composer = new Composer(OPTIONS)
  readonly #onMistake: OnMistake
  #document: Document.Parsed | null = null
  #broken = false

  constructor(onMistake: OnMistake) {
    this.#onMistake = onMistake
    // The package would keep each mistake as an Error with its stack: gigabytes for a file full of
    // "]".
    Object.assign(this.#composer, { onError: this.#report })
  }

  take(token: Token): void {
    if (token.type === 'error') {
      // A mistake can end the root of the document early: then each further line is one of these,
      // and an echo.
      if (this.#broken && OUTSIDE.test(token.message)) return
      this.#report(token, 'UNEXPECTED_TOKEN', token.message)
    } else for (const document of this.#composer.next(token)) this.#document = document
  }

  end(): Node | null {
    for (const document of this.#composer.end()) this.#document = document
    return this.#broken ? null : (this.#document?.contents ?? null)
  }

  readonly #report = (
    source: number | readonly number[] | { offset: number },
    code: ErrorCode,
    message: string,
    warning = false,
  ): void => {
    if (warning) return
    this.#broken = true
    const at = typeof source === 'number' ? source : 'offset' in source ? source.offset : source[0]
    const unclosed = /^Missing closing .quote/.test(message)
    if (unclosed) this.#onMistake('CFG005', this.quoteOffset, 'this quote is never closed')
    else this.#onMistake('CFG005', at, message[0].toLowerCase() + message.slice(1), hintFor(code, message))
  }
}
