/** What lint finds of the rules of a VirtualService, and tells of it. */

import type { Rule, RuleOrigin } from '../../table/plan/plan.ts'
import type { Path } from '../findings/diagnostic.ts'
import type { Fate } from './review-scope.ts'

/** A rule that is never used, or ranges or server names of it that never are. */
export type Verdict = {
  /** The rule as it appears in the scope of the finding. */
  readonly rule: Rule
  readonly fate: Fate
}

export type Found = { readonly origin: RuleOrigin; readonly verdict: Verdict }

/** Rules of one VirtualService that follow each other in a scope, with their fates. */
export type Part = {
  readonly rules: readonly Rule[]
  readonly fates: readonly (Fate | null)[]
  readonly from: number
  readonly to: number
}

export type RuleCode = 'IST0127' | 'IST0130' | 'IST0131' | 'CFG451' | 'CFG452' | 'CFG466'

/** A finding at a field of the VirtualService. */
export type Told = {
  readonly code: RuleCode
  readonly path: Path
  readonly message: string
  readonly hint?: string | undefined
}
