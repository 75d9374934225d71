/**
 * Names of rules: "shop/orders tcp[1].match[0]", as `explain`, the access log and the page write
 * them.
 */

import { type Block, OF_ROUTES, OF_VIRTUAL_SERVICES } from './block.ts'
import type { RuleOrigin } from './plan.ts'

/** The place of a rule, without the file. */
export type RuleName = Pick<RuleOrigin, 'virtualService' | 'block' | 'route' | 'match'>

const NAME =
  /^(TCPRoute |TLSRoute )?(?:([^\s/]+)\/)?([^\s/]+) ([a-z]+)\[(\d{1,6})\](?:\.match\[(\d{1,6})\])?$/

export const ruleName = ({ virtualService, block, route, match }: RuleName): string =>
  `${virtualService} ${block}[${route}]${match === null ? '' : `.match[${match}]`}`

/** The resources that rules are of, beside VirtualServices. */
const KINDS = ['TCPRoute ', 'TLSRoute ']

/** "VirtualService shop/orders", "TCPRoute shop/orders": the resource of a rule, for people. */
export const ruleResource = (virtualService: string): string =>
  virtualService.includes(' ') ? virtualService : `VirtualService ${virtualService}`

/** Its name in rules; null: no rule is of such a resource. */
export function nameInRules(title: string): string | null {
  if (title.startsWith('VirtualService ')) return title.slice('VirtualService '.length)
  return KINDS.some(kind => title.startsWith(kind)) ? title : null
}

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
  const [, kind = '', namespace, name, written, route, match] = found
  const blocks: readonly Block[] = kind === '' ? OF_VIRTUAL_SERVICES : OF_ROUTES
  const block = blocks.find(each => each === written)
  if (block === undefined) return null
  return {
    virtualService: `${kind}${namespace === undefined ? name : `${namespace}/${name}`}`,
    block,
    route: Number(route),
    match: match === undefined ? null : Number(match),
  }
}
