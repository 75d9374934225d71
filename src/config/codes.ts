/**
 * Every code that a diagnostic can carry: its severity, what it means and how to mend it.
 *
 * docs/errors.md shows this table, and a test holds the two together. Where `istioctl analyze` has a
 * code for the same finding, weir uses that code (IST…), so that what an operator knows stays true.
 */

import { PLAN_CODES } from './plan/codes.ts'
import { TEXT_CODES } from './text/codes.ts'
import { VALIDATE_CODES } from './validate/codes.ts'

export const CODES = {
  ...TEXT_CODES, // CFG0xx: files and text
  ...VALIDATE_CODES, // CFG1xx: shape, CFG2xx: meaning, CFG3xx: what weir does not do
  ...PLAN_CODES, // CFG4xx and IST…: how resources fit together; `--strict` makes these warnings errors
}

export type Code = keyof typeof CODES
