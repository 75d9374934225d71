/**
 * Rivals at the same work: each answers with a checksum, and those that disagree end the run.
 */

import assert from 'node:assert/strict'

const WARM_UPS = 2

export type Contender = {
  readonly name: string
  /** Does operations 0 … count − 1 and returns a checksum of the answers. */
  readonly run: (count: number) => number
  /** A slow one does at most so many in a round. */
  readonly most?: number
  readonly goalNs?: number | null
  /** It does other work than the rest, so its answers are its own. */
  readonly answersOwn?: boolean
}

/** The next checksum: the order of the answers counts. */
export const mix = (checksum: number, answer: number): number => (Math.imul(checksum, 31) + answer) | 0

export function warmUp(run: Contender['run'], count: number): number {
  let checksum = 0
  for (let i = 0; i < WARM_UPS; i++) checksum = run(count)
  return checksum
}

/** All must give the same answers to what the slowest of them does. */
export function assertAgree(group: string, operations: number, contenders: readonly Contender[]): void {
  const rivals = contenders.filter(each => !each.answersOwn)
  const shared = Math.min(operations, ...rivals.map(({ most = operations }) => most))
  const [first, ...others] = rivals.map(({ name, run }) => ({ name, checksum: run(shared) }))
  for (const { name, checksum } of others) {
    assert.equal(checksum, first.checksum, `${group}: ${name} and ${first.name} disagree`)
  }
}
