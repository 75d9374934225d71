/** `lookup`: the cost of finding a prefix and a rule, and how it grows. */

import type { Bench } from './harness.ts'
import { benchPrefixes } from './lookup/prefixes.ts'
import { benchRules } from './lookup/rules.ts'

export function benchLookup(bench: Bench): void {
  benchRules(bench)
  benchPrefixes(bench)
}
