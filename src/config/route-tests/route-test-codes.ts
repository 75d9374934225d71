/** Codes of RouteTests: references that do not exist, or that are ambiguous. */

import { type CodeEntry, error, warning } from '../findings/code-entry.ts'

export const ROUTE_TEST_CODES = {
  CFG491: error('a route test names an unknown gateway', 'correct its name, or define it'),
  CFG492: error('a route test names an unknown rule', 'write the name that weir explain shows'),
  CFG493: error('a route test does not name one of several gateways or ports', 'add it to connection'),
  CFG494: warning(
    'a route test expects a reason that no table answers with, so it always misses',
    'expect one of the reasons that the message names',
  ),
} as const satisfies Record<string, CodeEntry>
