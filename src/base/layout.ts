/**
 * Layouts of records in shared memory, checked while the module loads.
 *
 * A record is a fixed number of 32-bit words. Writing the offsets out makes the drawing readable;
 * checking them makes it true.
 */

import { assert } from './assert.ts'

/** A record's fields as word offsets, and its size as `WORDS`. */
export type Layout<Name extends string> = { readonly [N in Name | 'WORDS']: number }

/**
 * Describes a record of `words` words; each field is `[offset, words]`.
 *
 * Throws (our bug) for a hole, an overlap or a wrong sum. In hot loops copy the offsets you need
 * into module constants.
 */
export function layout<Name extends string>(
  words: number,
  fields: Readonly<Record<Name, readonly [offset: number, words: number]>>,
): Layout<Name> {
  let next = 0
  const offsets: Record<string, number> = {}
  for (const [name, [offset, size]] of Object.entries<readonly [number, number]>(fields)) {
    assert(offset === next && size > 0, `field ${name} stands at word ${offset}, not ${next}`)
    offsets[name] = offset
    next += size
  }
  assert(next === words, `fields make ${next} words, not ${words}`)
  offsets.WORDS = words
  // Rebuilt: V8 keeps an object that has grown by many names as a dictionary, and looks each one
  // up.
  return Object.freeze(Object.fromEntries(Object.entries(offsets))) as Layout<Name>
}
