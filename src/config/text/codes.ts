/** Codes of the first stage: files and their text. */

import { type CodeEntry, error } from '../code.ts'

export const TEXT_CODES = {
  CFG001: error('the file cannot be read', 'check the path and the permissions'),
} as const satisfies Record<string, CodeEntry>
