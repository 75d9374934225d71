/** Rules for server names. */

import type { Rule } from '../../src/table/plan/plan.ts'

/** The rule for one name, which leads to the destinations of its route. */
export const namedRule = (route: number, name: string): Rule => ({
  origin: { virtualService: 'a/b', block: 'tls', route, match: 0, file: 'a.yaml', line: 1 },
  destinations: [],
  port: 0,
  names: [name],
  clients: [],
  route,
  never: null,
  source: { namespace: null, labels: {}, visibleTo: null },
})
