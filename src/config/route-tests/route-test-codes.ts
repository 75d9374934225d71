/** Codes of RouteTests: what a test names that is not there, or leaves open. */

import { type CodeEntry, error, warning } from '../findings/code-entry.ts'

export const ROUTE_TEST_CODES = {
  CFG491: error('a route test names a gateway that is not there', 'correct its name, or define it'),
  CFG492: error('a route test names a rule that is not there', 'write the name that weir explain shows'),
  CFG493: error('a route test leaves open which gateway or port is meant', 'say it in connection'),
  CFG494: warning(
    'a route test expects a reason that no table answers with, so it always misses',
    'expect one of the reasons that the message names',
  ),
} as const satisfies Record<string, CodeEntry>
