/**
 * Every code that a diagnostic can carry: its severity, what it means and how to fix it.
 *
 * docs/errors.md shows this table, and a test holds the two together. If `istioctl analyze` has a
 * code for the same finding, weir uses that code (IST…).
 */

import { GATEWAY_API_CODES } from '../gateway-api/gateway-api-codes.ts'
import { LINT_CODES, MACHINE_CODES, RELOAD_CODES } from '../lint/lint-codes.ts'
import { PLAN_CODES } from '../plan/plan-codes.ts'
import { TLS_CODES } from '../plan/tls-codes.ts'
import { ROUTE_TEST_CODES } from '../route-tests/route-test-codes.ts'
import { TEXT_CODES } from '../text/text-codes.ts'
import { VALIDATE_CODES } from '../validate/validate-codes.ts'

export const CODES = {
  ...TEXT_CODES, // CFG0xx: files and text
  ...VALIDATE_CODES, // CFG1xx: shape, CFG2xx: meaning, CFG3xx: what weir does not do
  ...PLAN_CODES, // CFG40x – CFG44x and IST…: how resources fit together
  ...TLS_CODES, // CFG50x: TLS and its certificates
  ...GATEWAY_API_CODES, // CFG52x: how resources of Gateway API fit together
  ...LINT_CODES, // CFG45x, CFG46x and IST0127: consistent, but probably unintended
  ...RELOAD_CODES, // CFG47x: what a reload would take from connections
  ...MACHINE_CODES, // CFG48x: what the machine does not allow
  ...ROUTE_TEST_CODES, // CFG49x: what a RouteTest names
}

export type Code = keyof typeof CODES

/**
 * Warnings that `--strict` makes errors: about how resources fit together, and about what is never
 * used.
 */
export const isStrict = (code: Code): boolean =>
  code === 'IST0130' ||
  code === 'IST0131' ||
  Object.hasOwn(PLAN_CODES, code) ||
  Object.hasOwn(TLS_CODES, code) ||
  Object.hasOwn(GATEWAY_API_CODES, code) ||
  Object.hasOwn(LINT_CODES, code)
