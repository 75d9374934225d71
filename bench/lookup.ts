/** `lookup`: what finding a prefix and a rule costs, and how that grows. */

import type { Bench } from './harness.ts'
import { benchPrefixes } from './lookup/prefixes.ts'
import { benchRules } from './lookup/rules.ts'

export function benchLookup(bench: Bench): void {
  benchRules(bench)
  benchPrefixes(bench)
}
