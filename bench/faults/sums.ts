/**
 * What a campaign comes to: of each kind of server, fault and shape of load, the sum over its cases
 * of each round, so that the rounds show how far it varies. A single case has too few losses.
 */

import type { Outcome } from './cases.ts'
import type { ProxyName } from './proxies.ts'

export const FIGURES = {
  'lost, begun after the fault': { unit: 'count', by: 'sum', of: ({ lostNew }) => lostNew },
  'lost, open at the fault': { unit: 'count', by: 'sum', of: ({ lostOpen }) => lostOpen },
  'until it harms nobody': { unit: 'ms', by: 'mean', of: ({ leftAloneMs }) => leftAloneMs },
  'until it is back': { unit: 'ms', by: 'mean', of: ({ backMs }) => backMs },
} as const satisfies Record<
  string,
  { unit: 'count' | 'ms'; by: 'sum' | 'mean'; of: (outcome: Outcome) => number | null }
>
export type FigureName = keyof typeof FIGURES

/** One value a round of those that had one. */
export function byRound(outcomes: readonly Outcome[], proxy: ProxyName, name: FigureName): number[] {
  const { by, of } = FIGURES[name]
  const own = outcomes.filter(each => each.proxy === proxy)
  return [...Map.groupBy(own, ({ round }) => round).values()].flatMap(some => {
    const values = some.flatMap(each => of(each) ?? [])
    if (values.length === 0) return []
    const sum = values.reduce((all, each) => all + each, 0)
    return [by === 'sum' ? sum : sum / values.length]
  })
}

export const titleOfSum = ({ kind, fault, shape }: Outcome): string =>
  `${kind}, ${fault}, ${shape === 'pool' ? 'pool' : 'new connections'}`

/** "12 (3, 4, 5 a round)". */
export const sumText = (rounds: readonly number[]): string =>
  `${rounds.reduce((sum, each) => sum + each, 0)} (${rounds.join(', ')} a round)`

/** Whether each round of one was worse than any of the other: of one round nobody knows. */
export const isClearlyMore = (one: readonly number[], other: readonly number[]): boolean =>
  one.length > 1 && other.length > 1 && Math.min(...one) > Math.max(...other)
