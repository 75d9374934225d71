/**
 * What ending connections of removed endpoints needs of the machine: time, a timer, chance, and an
 * event loop to share with others. The simulator (docs/simulator.md) has another.
 */

import { inTurns } from '../../base/turns.ts'
import { type HealthWorld, realHealthWorld } from '../health/health-world.ts'

export type RemovalWorld = Pick<HealthWorld, 'nowMs' | 'after' | 'chance'> & {
  /** Runs long work in pieces, between which other things happen; then calls `done`. */
  readonly inPieces: (work: Generator<void>, done: () => void) => void
  /** Rows between two places where work can be interrupted. */
  readonly pieceRows: number
}

export const realRemovalWorld = (): RemovalWorld => ({
  ...realHealthWorld(),
  inPieces: (work, done) => void inTurns(work).then(done),
  pieceRows: 256,
})
