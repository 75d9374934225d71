/**
 * What a lookup came to, for each family on its own: one may fail while the other answers.
 *
 * A failure is no answer: nobody knows whether the name still has addresses. `none` is an answer.
 */

import type { Family } from '../../address/address.ts'

/** `nodata`: the name exists, but has no address of the family. `nxdomain`: it does not exist. */
type None = 'nodata' | 'nxdomain'

/** Why a lookup failed. `invalid`: the name cannot be asked for. `error`: anything else. */
export type Failure = 'servfail' | 'refused' | 'timeout' | 'unreachable' | 'invalid' | 'error'

export type FamilyAnswer =
  | { readonly kind: 'found'; readonly addresses: readonly string[]; readonly ttlS: number }
  | { readonly kind: 'none'; readonly why: None }
  | { readonly kind: 'failed'; readonly why: Failure }
  /** The machine has no address of this family, so nobody asks. */
  | { readonly kind: 'unasked' }

export type Answer = {
  readonly source: 'hosts' | 'dns' | 'localhost'
  /** The whole name that answered: one of the search list, perhaps. */
  readonly asked: string
  readonly families: { readonly [family in Family]: FamilyAnswer }
}

export const FAMILIES: readonly Family[] = [4, 6]

export const UNASKED: FamilyAnswer = { kind: 'unasked' }

/** An answer without DNS: nothing expires until the file changes. */
export function fixedAnswer(
  source: 'hosts' | 'localhost',
  asked: string,
  addresses: { readonly [family in Family]: readonly string[] },
): Answer {
  const of = (family: Family): FamilyAnswer =>
    addresses[family].length === 0
      ? { kind: 'none', why: 'nodata' }
      : { kind: 'found', addresses: addresses[family], ttlS: Number.POSITIVE_INFINITY }
  return { source, asked, families: { 4: of(4), 6: of(6) } }
}

export const isFound = ({ families }: Answer): boolean =>
  FAMILIES.some(family => families[family].kind === 'found')

/** The first failure, if any family has one. */
export function failureOf({ families }: Answer): Failure | null {
  const failed = FAMILIES.map(family => families[family]).find(each => each.kind === 'failed')
  return failed?.kind === 'failed' ? failed.why : null
}

/** In words: "NXDOMAIN", "no A, AAAA: SERVFAIL". */
export function answerText(answer: Answer): string {
  const texts = FAMILIES.flatMap(family => {
    const each = answer.families[family]
    const text = each.kind === 'none' || each.kind === 'failed' ? WORDS[each.why] : ''
    return text === '' ? [] : [{ record: family === 4 ? 'A' : 'AAAA', text }]
  })
  const [first] = texts
  if (texts.length > 0 && !isFound(answer) && texts.every(({ text }) => text === first.text))
    return first.text
  return texts.map(({ record, text }) => `${record}: ${text}`).join(', ')
}

const WORDS: { readonly [why in None | Failure]: string } = {
  nodata: 'no address',
  nxdomain: 'NXDOMAIN',
  servfail: 'SERVFAIL',
  refused: 'REFUSED',
  timeout: 'no answer in time',
  unreachable: 'the name server cannot be reached',
  invalid: 'not a name that DNS can have',
  error: 'the name server gave an answer that makes no sense',
}
