/**
 * The lexer of the `yaml` package, with plain text as Go's parser has it.
 *
 * kubectl reads YAML with goyaml.v2. Inside brackets, a colon ends plain text there only where a blank follows
 * (scannerc.go, yaml_parser_scan_plain_scalar): `[fd00::]` is a list of one address. YAML 1.2 also ends it before a
 * comma or a bracket, and reads a mapping with the key `fd00:`. A file has to mean here what it means in a cluster.
 */

import { Lexer } from 'yaml'

/** What is used of the package's lexer: private there, so held by a test. */
type Parts = { readonly buffer: string; readonly flowLevel: number; pos: number }
type Step = (this: Parts) => Generator<string, unknown>

const { parsePlainScalar } = Lexer.prototype as unknown as { readonly parsePlainScalar: Step }
const FLOW_END = /[,[\]{}]/

export function goLexer(): Lexer {
  return Object.assign(new Lexer(), { parsePlainScalar: plainScalar })
}

function* plainScalar(this: Parts): Generator<string, unknown> {
  const step = parsePlainScalar.call(this)
  const lexemes: string[] = []
  let next = step.next()
  for (; !next.done; next = step.next()) lexemes.push(next.value)
  const { buffer, pos } = this
  if (this.flowLevel > 0 && buffer[pos] === ':' && FLOW_END.test(buffer[pos + 1] ?? '')) {
    lexemes.push(`${lexemes.pop()}:`)
    this.pos++
  }
  yield* lexemes
  return next.value
}
