/** What is kept of the table that was built last: the next one takes over what is the same. */

import type { Sections } from '../format/sections.ts'
import type { KeptRules } from './kept-rules.ts'

type LastTable = {
  readonly routing: Sections<'routing'>
  /** What its classifier was built of; see `ClassifierInput.words`. */
  readonly steps: Uint32Array
  /** The rules of each scope, in the order of the Plan. */
  readonly scopes: readonly KeptRules[]
}

/** Of the tables that one thread builds, one after the other. */
export class BuildMemory {
  last: LastTable | null = null
  /** How many tables had the classifier of the one before. */
  reused = 0
  /** How many rules had the row of the one before. */
  rules = 0
}
