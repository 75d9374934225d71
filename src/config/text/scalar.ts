/**
 * The meaning of a scalar: as in Kubernetes, not as in YAML 1.2.
 *
 * kubectl reads YAML with sigs.k8s.io/yaml (goyaml.v2/resolve.go), which is YAML 1.1 in this
 * respect: `yes`, `on` and `y` are true, `0777` is 511 and `1_000` is 1000. A file must mean the
 * same here as in a cluster, so `port: 0777` and the label `version: on` are read the same way. A
 * time stays text, and a base-60 number (`1:30`) is text in both.
 */

import { Scalar } from 'yaml'

/** A scalar's value; `problem` is the reason if it differs from the text. */
type Resolved = {
  readonly value: string | number | boolean | null
  /**
   * `tag`: its tag does not fit. `inexact`: an integer was rounded. `infinite`: no finite number.
   */
  readonly problem?: 'tag' | 'inexact' | 'infinite'
}

const spellings = (...words: string[]): string[] =>
  words.flatMap(word => [word, word.toUpperCase(), word[0].toUpperCase() + word.slice(1)])

const WORDS = new Map<string, boolean | number | null>([
  ...['', '~', ...spellings('null')].map(word => [word, null] as const),
  ...spellings('true', 'yes', 'on', 'y').map(word => [word, true] as const),
  ...spellings('false', 'no', 'off', 'n').map(word => [word, false] as const),
  ...['.nan', '.NaN', '.NAN'].map(word => [word, Number.NaN] as const),
  ...['.inf', '.Inf', '.INF'].flatMap(word => [
    [word, Number.POSITIVE_INFINITY] as const,
    [`+${word}`, Number.POSITIVE_INFINITY] as const,
    [`-${word}`, Number.NEGATIVE_INFINITY] as const,
  ]),
])

/**
 * Go's strconv.ParseInt with base 0: the prefix tells the base, and a bare leading zero means
 * octal.
 */
const INTEGER = /^([-+]?)(0[xX][\da-fA-F]+|0[bB][01]+|0[oO]?[0-7]+|0|[1-9]\d*)$/
const FLOAT = /^[-+]?(?:\.\d+|\d+(?:\.\d*)?)(?:[eE][-+]?\d+)?$/

const TAG = 'tag:yaml.org,2002:'
const TEXT_TAGS = ['!', `${TAG}str`]
/** Tags that only confirm a value's type; any other asks for more than data. */
const VALUE_TAGS: ReadonlyMap<string, (value: unknown) => boolean> = new Map([
  [`${TAG}int`, Number.isInteger],
  [`${TAG}float`, (value: unknown) => typeof value === 'number'],
  [`${TAG}bool`, (value: unknown) => typeof value === 'boolean'],
  [`${TAG}null`, (value: unknown) => value === null],
])

/** The value of a scalar of the "failsafe" schema. */
export function resolveScalar(node: Scalar): Resolved {
  const text = String(node.value)
  const { tag } = node
  if (tag === undefined) return isPlain(node) ? resolvePlain(text) : { value: text }
  if (TEXT_TAGS.includes(tag)) return { value: text }
  const resolved = resolvePlain(text)
  return VALUE_TAGS.get(tag)?.(resolved.value) ? resolved : { value: null, problem: 'tag' }
}

/** Whether a scalar has no quotes and is no block. */
export const isPlain = (node: Scalar): boolean => node.type === undefined || node.type === Scalar.PLAIN

/** Whether a tag on a mapping or list only confirms its type. */
export const isCollectionTag = (tag: string | undefined, kind: 'map' | 'seq'): boolean =>
  tag === undefined || tag === '!' || tag === TAG + kind

/** A tag as an operator writes it: `!!binary`. */
export const formatTag = (tag: string): string => (tag.startsWith(TAG) ? `!!${tag.slice(TAG.length)}` : tag)

function resolvePlain(text: string): Resolved {
  const word = WORDS.get(text)
  if (word !== undefined) return withProblem(word)
  const first = text.charCodeAt(0)
  const numeric = (first >= 48 && first <= 57) || first === 43 || first === 45 || first === 46 // 0–9 + - .
  if (!numeric) return { value: text }
  const digits = text.replaceAll('_', '')
  const integer = INTEGER.exec(digits)
  if (integer) return withProblem(toInteger(integer[1], integer[2]))
  const float = FLOAT.test(digits) ? Number(digits) : Number.NaN
  return { value: Number.isFinite(float) ? float : text }
}

function toInteger(sign: string, digits: string): number {
  const bareOctal = /^0[oO]?(?=[0-7])/
  const magnitude = Number(digits.replace(bareOctal, '0o'))
  return sign === '-' && magnitude !== 0 ? -magnitude : magnitude
}

function withProblem(value: number | boolean | null): Resolved {
  if (typeof value !== 'number' || Number.isSafeInteger(value)) return { value }
  return Number.isFinite(value) ? { value, problem: 'inexact' } : { value: null, problem: 'infinite' }
}
