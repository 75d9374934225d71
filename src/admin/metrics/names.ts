/** Metrics of the DNS names of endpoints: their states, each of them, and lookups. */

import type { Gateway } from '../../control/gateway.ts'
import { countsOf } from '../endpoints/names.ts'
import { counter, type Family, gauge, type Value } from './family.ts'

/** Names of a scrape, those that fail first, however many there are. */
const VALUES_MAX = 1000

export const nameFamilies = (gateway: Gateway): Family[] => [
  gauge('weir_names', 'DNS names of endpoints, by state.', () => valuesBy('state', countsOf(gateway))),
  gauge(
    'weir_name_up',
    '1 if the last lookup of the DNS name had addresses; 0 if it failed, or the name has none.',
    () => upValues(gateway),
  ),
  counter('weir_name_lookups_total', 'Lookups of DNS names that came to an end, by result.', () =>
    valuesBy('result', gateway.names.counts),
  ),
]

const valuesBy = (label: string, counts: Readonly<Record<string, number>>): Value[] =>
  Object.entries(counts).map(([key, value]) => ({ labels: { [label]: key }, value }))

function upValues({ names }: Gateway): Value[] {
  const [up, down]: [Value[], Value[]] = [[], []]
  for (const { name, state } of names.states()) {
    if (state === 'pending') continue
    const isUp = state === 'resolved' || state === 'partial'
    const values = isUp ? up : down
    if (values.length < VALUES_MAX) values.push({ labels: { name }, value: isUp ? 1 : 0 })
  }
  return [...down, ...up].slice(0, VALUES_MAX)
}
