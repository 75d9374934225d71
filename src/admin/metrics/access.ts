/** Metrics of access control: matches of policies by rule, and the table of sources. */

import type { Serving } from '../../control/publisher.ts'
import { countSources, openSources, sourceTableFull } from '../../stats/source-table.ts'
import { openStats } from '../../stats/stats.ts'
import { AccessRow } from '../../table/format/access-layout.ts'
import { policyRuleOf } from '../../table/format/access-names.ts'
import { counter, type Family, gauge, single, type Value } from './family.ts'

/** Rules with a series of their own; the matches of all others share "other". */
const RULES_MAX = 2_000

export const accessFamilies = (serving: () => Serving): Family[] => [
  counter(
    'weir_policy_matches_total',
    'Connections that a rule of an AuthorizationPolicy has denied or, by effect, only marked.',
    () => policyMatches(serving()),
  ),
  gauge('weir_sources', 'Sources of connections that limits are counted for.', () =>
    single(countSources(openSources(serving().plane.sources))),
  ),
  counter(
    'weir_source_table_full_total',
    'Connections that no limit held, as there was no room to count.',
    () => single(sourceTableFull(openSources(serving().plane.sources))),
  ),
]

function policyMatches({ table, plane, generation }: Serving): Value[] {
  const { access } = table
  const cold = plane.observer.generations.cold(generation)
  if (access === null || cold === null) return []
  const { policyMatches } = openStats(plane.stats)
  const values: Value[] = []
  let other = 0
  for (let row = 0; row * AccessRow.WORDS < access.rows.length; row++) {
    const value = Atomics.load(policyMatches, access.rows[row * AccessRow.WORDS + AccessRow.slot]) >>> 0
    if (value === 0) continue
    const found = values.length < RULES_MAX ? policyRuleOf(table, cold, row) : null
    if (found === null) other += value
    else {
      const { policy, rule, action, dryRun } = found
      const effect = action === 'AUDIT' ? 'audited' : dryRun ? 'would-deny' : 'denied'
      values.push({ labels: { policy, rule: rule ?? '', action, effect }, value })
    }
  }
  const rest = { policy: 'other', rule: '', action: '', effect: '' }
  return other === 0 ? values : [...values, { labels: rest, value: other }]
}
