/** Codes of the third stage: how resources fit together. */

import { type CodeEntry, warning } from '../code.ts'

export const PLAN_CODES = {
  IST0101: warning('a resource names another that is not there', 'define it, or correct the name'),
} as const satisfies Record<string, CodeEntry>
