/** `lookup`: what finding a prefix, a rule and a destination costs, and how that grows. */

import type { Bench } from './harness.ts'
import { benchPicks } from './lookup/picks.ts'
import { benchPrefixes } from './lookup/prefixes.ts'
import { benchRules } from './lookup/rules.ts'

export function benchLookup(bench: Bench): void {
  benchPicks(bench)
  benchRules(bench)
  benchPrefixes(bench)
}
