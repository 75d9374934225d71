/**
 * Checks a resource against the table of known fields: unknown ones are errors, ignored ones
 * warnings.
 */

import type { Code } from '../findings/codes.ts'
import { quote } from '../findings/quote.ts'
import { didYouMean } from '../findings/suggest.ts'
import type { Field } from './field.ts'
import type { Fields, Known, Support } from './known-fields.ts'

/** The top-level fields beside `spec`. */
const TOP = ['apiVersion', 'kind', 'metadata', 'spec', 'status']

const NOTES: Partial<Readonly<Record<Support, readonly [Code, string]>>> = {
  'not served yet': ['CFG301', 'is not served yet; weir ignores it'],
  'needs layer 7': ['CFG302', 'needs layer 7; weir ignores it'],
}

const BY_ADDRESS =
  'set useSourceIp: true, the only key that a connection has; without it the balancer is LEAST_REQUEST'

/** Where another field does what an ignored one was meant to do. */
const CURES: Readonly<Record<string, string>> = {
  httpHeaderName: BY_ADDRESS,
  httpQueryParameterName: BY_ADDRESS,
  httpCookie: BY_ADDRESS,
}

export function checkFields(root: Field, fields: Fields): void {
  for (const [name, field] of root.entries) if (!TOP.includes(name)) unknown(field, name, TOP)
  walk(root.get('spec'), fields, false)
}

/** `isNoted`: a block around this field was already reported. */
function walk(field: Field, known: Known, isNoted: boolean): void {
  if (field.absent) return
  const [support, fields] =
    typeof known === 'string' ? [known, null] : isBlock(known) ? known : (['served', known] as const)
  const note = isNoted ? undefined : NOTES[support]
  if (note) field.report(note[0], `${field.name} ${note[1]}`, CURES[field.name])
  if (fields === null) return
  for (const object of Array.isArray(field.value) ? field.items : [field]) {
    for (const [name, member] of object.entries) {
      walkMember(member, name, fields, isNoted || support !== 'served')
    }
  }
}

const isBlock = (known: Known): known is readonly [Support, Fields] => Array.isArray(known)

function walkMember(member: Field, name: string, fields: Fields, isNoted: boolean): void {
  if ('*' in fields) walk(member, fields['*'], isNoted)
  else if (Object.hasOwn(fields, name)) walk(member, fields[name], isNoted)
  else unknown(member, name, Object.keys(fields))
}

function unknown(field: Field, name: string, candidates: readonly string[]): void {
  const hint = didYouMean(name, candidates) ?? `known here: ${candidates.join(', ')}`
  field.report('CFG102', `field ${quote(name)} is not known here`, hint)
}
