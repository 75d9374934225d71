/** The cases of a campaign, and what is read from one. */

import type { Asked } from './load.ts'
import type { ProxyName } from './proxies.ts'
import { FAULTS, type Fault } from './servers.ts'
import { KINDS, type Kind, SHAPES, type Shape } from './talks.ts'

export const SETS = [
  { servers: 2, broken: 1 },
  { servers: 5, broken: 2 },
] as const

export type Case = {
  readonly kind: Kind
  readonly set: (typeof SETS)[number]
  readonly fault: Fault
  readonly shape: Shape
}

export type Outcome = Case & {
  readonly round: number
  readonly proxy: ProxyName
  /** Questions without an answer, over connections that were there before the fault. */
  readonly lostOpen: number
  /** Over connections that were begun after it: another server could have taken them. */
  readonly lostNew: number
  readonly asked: number
  /** From the fault until the last question that a broken server harmed: lost, or slow. */
  readonly leftAloneMs: number
  /** From the repair until a mended server answers; null: none has, as with a pool that is full. */
  readonly backMs: number | null
}

/** A question that took longer was held up, unless others had taken as long before the fault. */
const SLOW_MS = 500

export const CASES: readonly Case[] = KINDS.flatMap(kind =>
  SETS.flatMap(set => FAULTS.flatMap(fault => SHAPES.map(shape => ({ kind, set, fault, shape })))),
)

export const titleOf = ({ kind, set, fault, shape }: Case): string =>
  `${kind}, ${set.broken} of ${set.servers}, ${fault}, ${shape === 'pool' ? 'pool' : 'new connections'}`

/** `brokenMs`: the fault is complete; `mendedMs`: the repair begins. */
export function outcomeOf(
  given: Case & Pick<Outcome, 'round' | 'proxy'>,
  asked: readonly Asked[],
  brokenMs: number,
  mendedMs: number,
  broken: ReadonlySet<number>,
): Outcome {
  const after = asked.filter(each => each.beganMs + each.tookMs >= brokenMs)
  const before = asked.filter(each => each.beganMs + each.tookMs < brokenMs && each.servedBy !== 0)
  const slowMs = before.reduce((most, each) => Math.max(most, each.tookMs), SLOW_MS)
  const harmed = after.filter(each => each.servedBy === 0 || each.tookMs > slowMs)
  const during = harmed.filter(each => each.beganMs < mendedMs)
  const back = after.filter(each => broken.has(each.servedBy) && each.beganMs >= mendedMs)
  const first = Math.min(...back.map(each => each.beganMs + each.tookMs))
  const lost = after.filter(each => each.servedBy === 0)
  const lostNew = lost.filter(each => each.openedMs >= brokenMs).length
  return {
    ...given,
    lostOpen: lost.length - lostNew,
    lostNew,
    asked: after.length,
    leftAloneMs: during.reduce((most, each) => Math.max(most, each.beganMs - brokenMs), 0),
    backMs: Number.isFinite(first) ? first - mendedMs : null,
  }
}
