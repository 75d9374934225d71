/** Policies in words, for explanations and logs (../explain/access-text.ts). */

import { formatCidr } from '../../address/address.ts'
import type { ColdPolicy, ColdTest } from '../format/cold.ts'
import type { AccessPolicy, Test } from '../plan/access.ts'

/**
 * @param rows   The rows of its rules, in order.
 * @param whole  The row for all of them; null: it has none.
 */
export const coldPolicy = (
  policy: AccessPolicy,
  rows: readonly number[],
  whole: number | null,
): ColdPolicy => ({
  ...policy,
  ...(whole !== null && { whole }),
  rules: policy.rules.map(({ never, from, to, when }, index) => ({
    row: rows[index],
    never,
    from: from.map(tests => tests.map(coldTest)),
    to: to.map(tests => tests.map(coldTest)),
    when: when.map(coldTest),
  })),
})

function coldTest(test: Test): ColdTest {
  const { field, not, of } = test
  if ('cidrs' in test) return { field, not, of, values: test.cidrs.map(formatCidr) }
  if ('ports' in test) return { field, not, of, values: test.ports.map(String) }
  return 'isKnown' in test
    ? { field, not, of, values: test.patterns, isKnown: test.isKnown }
    : { field, not, of, values: test.patterns }
}
