/**
 * The lexer of the `yaml` package, with plain scalars as in Go's parser.
 *
 * kubectl reads YAML with goyaml.v2. Inside brackets, a colon ends plain text there only where a
 * blank follows (scannerc.go, yaml_parser_scan_plain_scalar): `[fd00::]` is a list of one address.
 * YAML 1.2 also ends it before a comma or a bracket, and reads a mapping with the key `fd00:`. A
 * file must mean the same here as in a cluster.
 */

import { Lexer } from 'yaml'

/** The used part of the package's lexer, which is private; a test checks that it still exists. */
type Parts = { readonly buffer: string; readonly flowLevel: number; pos: number }
type Step = (this: Parts) => Generator<string, unknown>

const { parsePlainScalar } = Lexer.prototype as unknown as { readonly parsePlainScalar: Step }
const FLOW_END = /[,[\]{}]/

export function goLexer(): Lexer {
  return Object.assign(new Lexer(), { parsePlainScalar: plainScalar })
}

function plainScalar(this: Parts): Generator<string, unknown> {
  return this.flowLevel > 0 ? plainInFlow.call(this) : parsePlainScalar.call(this)
}

/** Looks one lexeme ahead: the last one is the text, and may be longer than in the package. */
function* plainInFlow(this: Parts): Generator<string, unknown> {
  const step = parsePlainScalar.call(this)
  let last = ''
  for (let next = step.next(); ; next = step.next()) {
    if (next.done) {
      const isText = this.buffer[this.pos] === ':' && FLOW_END.test(this.buffer[this.pos + 1] ?? '')
      if (isText) this.pos++
      yield isText ? `${last}:` : last
      return next.value
    }
    if (last !== '') yield last
    last = next.value
  }
}
