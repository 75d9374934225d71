/**
 * Header values: text with Envoy's `%VARIABLE%` expressions, which must be closed.
 *
 * The grammar is Envoy's (source/common/router/header_parser.cc), which istiod follows: `%%`,
 * `%NAME%`, `%NAME(text)%` and `%NAME(["a", "b"])%`.
 */

type State = keyof typeof NEXT
type Step = { readonly other: State | null } & { readonly [character: string]: State | null }

/** State transitions by character; null is an error. `' '` is the only space. */
const NEXT = {
  literal: { '%': 'percent', other: 'literal' },
  percent: { '%': 'literal', '(': 'arguments', other: 'name' },
  name: { '%': 'literal', '(': 'arguments', other: 'name' },
  arguments: { '[': 'wantString', ' ': 'arguments', other: 'string' },
  wantString: { '"': 'string', ' ': 'wantString', other: null },
  string: { '\\': 'escape', ')': 'wantPercent', '"': 'wantComma', other: 'string' },
  escape: { other: 'string' },
  wantComma: { ',': 'wantString', ']': 'wantParenthesis', ' ': 'wantComma', other: null },
  wantParenthesis: { ')': 'wantPercent', ' ': 'wantParenthesis', other: null },
  wantPercent: { '%': 'literal', ' ': 'wantPercent', other: null },
} as const

/** A control character of ASCII other than a tab. */
const CONTROL = /[^\P{Cc}\t\u0080-\u009f]/u

export function headerValue(text: string): string | null {
  if (CONTROL.test(text)) return 'has a control character'
  let state: State | null = 'literal'
  for (const character of text) {
    const step: Step = NEXT[state]
    state = Object.hasOwn(step, character) ? step[character] : step.other
    if (state === null) return 'has a malformed %VARIABLE% expression'
  }
  return state === 'literal' ? null : 'has a % that is neither doubled nor closed'
}
