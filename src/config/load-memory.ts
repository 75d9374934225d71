/** What a thread keeps of one load for the next, so that a change costs what it changes. */

import { ReviewMemory } from './lint/review-memory.ts'
import { PlanMemory } from './plan/plan-memory.ts'
import { DocumentMemory } from './text/document-memory.ts'

export class LoadMemory {
  readonly documents = new DocumentMemory()
  readonly plan = new PlanMemory()
  readonly review = new ReviewMemory()
}
