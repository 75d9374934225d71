/**
 * Plain values and words of rows as text, field by field, so that a field which is added later is
 * not left out of a comparison.
 */

/** "alpn h2 http/1.1, minVersion TLSV1_2, verify (spki none)". */
export function valueText(value: unknown): string {
  if (value === null || value === '') return 'none'
  if (Array.isArray(value)) return value.map(nestedText).join(' ') || 'none'
  if (typeof value !== 'object') return String(value)
  return Object.entries(value)
    .map(([field, each]) => `${field} ${nestedText(each)}`)
    .join(', ')
}

const nestedText = (value: unknown): string =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
    ? `(${valueText(value)})`
    : valueText(value)

type Row = { readonly words: ArrayLike<number>; readonly row: number }

/** The words of a row that nothing else tells, by field. */
export function untoldValues(
  layout: Readonly<Record<string, number>>,
  { words, row }: Row,
  told: ReadonlySet<string>,
): [field: string, value: number][] {
  const { WORDS, ...fields } = layout
  return Object.entries(fields)
    .filter(([field]) => !told.has(field))
    .map(([field, word]) => [field, words[row * WORDS + word]])
}
