/**
 * Names of rules: "shop/orders tcp[1].match[0]", as `explain`, the access log and the page write
 * them.
 */

import type { RuleOrigin } from './plan.ts'

/** The place of a rule, without the file. */
export type RuleName = Pick<RuleOrigin, 'virtualService' | 'block' | 'route' | 'match'>

const NAME = /^(?:([^\s/]+)\/)?([^\s/]+) (tcp|tls|http)\[(\d{1,6})\](?:\.match\[(\d{1,6})\])?$/

export const ruleName = ({ virtualService, block, route, match }: RuleName): string =>
  `${virtualService} ${block}[${route}]${match === null ? '' : `.match[${match}]`}`

/** If no rule matched and a connection went on nevertheless, the outcome replaces the name. */
export const WITHOUT_RULE = ['default', 'passthrough'] as const
export type WithoutRule = (typeof WITHOUT_RULE)[number]

/**
 * The parts of a written name, or null if it is none: the VirtualService may lack its namespace,
 * and `match` null means a route without `match` as well as any match of a route.
 */
export function parseRuleName(text: string): RuleName | null {
  const found = NAME.exec(text)
  if (!found) return null
  const [, namespace, name, block, route, match] = found
  return {
    virtualService: namespace === undefined ? name : `${namespace}/${name}`,
    block: block as RuleName['block'],
    route: Number(route),
    match: match === undefined ? null : Number(match),
  }
}
