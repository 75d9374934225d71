/**
 * Pagination: one page of a long list, and the cursor of the next.
 *
 * A cursor has a generation and an index in it. After a reload the index means something else, so
 * the caller gets an error instead of a list with holes.
 */

import { Problem } from './problem.ts'
import { integer, type Schema, text, textOrNull, whole } from './schemas.ts'

const PAGE_MOST = 1_000
const OFFSET_MOST = 100_000_000

export const pageQuery = {
  limit: { ...whole(1, PAGE_MOST, 'The maximum number of entries.'), default: 100 } as Schema,
  cursor: text('`next` of the previous answer.'),
}

/** Of a list that is not read from memory that moves on: a page of it can be named by its place. */
export const listQuery = {
  ...pageQuery,
  offset: {
    ...whole(0, OFFSET_MOST, 'How many entries to skip: a page by its place, without a cursor.'),
    default: 0,
  } as Schema,
}

export const pageAnswer = {
  total: integer('The number of all entries.'),
  next: textOrNull('The cursor of the next page; null: the last page.'),
}

export type PageQuery = { readonly limit: number; readonly cursor?: string; readonly offset?: number }

export function pageOf<Item>(
  items: readonly Item[],
  generation: number,
  { limit, cursor, offset = 0 }: PageQuery,
): { readonly total: number; readonly next: string | null; readonly items: readonly Item[] } {
  const from = cursor === undefined ? offset : indexOf(cursor, generation)
  const end = from + limit
  return {
    total: items.length,
    next: end < items.length ? `${generation}.${end}` : null,
    items: items.slice(from, end),
  }
}

function indexOf(cursor: string, generation: number): number {
  const [, of, index] = /^(\d{1,10})\.(\d{1,10})$/.exec(cursor) ?? []
  if (index === undefined)
    throw new Problem(400, 'bad-cursor', `"${cursor}" is not a cursor`, 'take `next` of the previous answer')
  if (Number(of) !== generation)
    throw new Problem(410, 'old-cursor', `the cursor is of generation ${of}`, 'start again without a cursor')
  return Number(index)
}
