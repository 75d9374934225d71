/** Codes of the second stage: what one resource says, taken alone. */

import { type CodeEntry, error } from '../code.ts'

export const VALIDATE_CODES = {
  CFG101: error('a field has the wrong type or value', 'write the value that the message names'),
} as const satisfies Record<string, CodeEntry>
