/** A configuration with any number of rules, in one file. */

import {
  destinationsText,
  documents,
  gatewayText,
  routesText,
  type SettingsText,
  serverText,
  settingsText,
} from './documents.ts'

const ROUTES_OF_SERVICE = 100
/**
 * One rule in so many is for a network around 127.0.0.1 and for clients elsewhere: the matcher
 * checks it, and rejects it.
 */
const AROUND_EVERY = 50

export type RulesConfig = SettingsText & {
  readonly port: number
  readonly rules: number
  /** The servers, by name; all rules but the last send to the first. */
  readonly servers: Readonly<Record<string, number>>
  /** Where the last rule sends, which matches everything else; default: the first server. */
  readonly to?: string
}

/** Gateway, Settings, servers, and VirtualServices of 100 rules each, with `rules` in all. */
export const rulesText = (config: RulesConfig): string => documents(...documentsOf(config))

/** The same in so many files. */
export function rulesInFiles(config: RulesConfig, files: number): string[] {
  const list = documentsOf(config)
  const start = (at: number): number => Math.floor((at * list.length) / files)
  return Array.from({ length: files }, (_, at) => documents(...list.slice(start(at), start(at + 1))))
}

function documentsOf({ port, rules, servers, to, ...settings }: RulesConfig): string[] {
  const names = Object.keys(servers)
  const texts = Array.from({ length: rules - 1 }, (_, rule) => ruleText(rule, names[0]))
  texts.push(destinationsText([to ?? names[0]], []))
  const services = Array.from({ length: Math.ceil(rules / ROUTES_OF_SERVICE) }, (_, index) => {
    const routes = texts.slice(index * ROUTES_OF_SERVICE, (index + 1) * ROUTES_OF_SERVICE)
    // Names sort in file order, whatever decides the order of VirtualServices for one host.
    return routesText({ name: `rules-${String(index).padStart(6, '0')}`, gateway: 'edge', routes })
  })
  const entries = names.map(name => serverText(name, servers[name]))
  return [gatewayText('edge', port), settingsText(settings), ...entries, ...services]
}

function ruleText(rule: number, to: string): string {
  const third = `${(rule >> 8) & 255}.${rule & 255}`
  const match =
    rule % AROUND_EVERY === 0
      ? `{destinationSubnets: [127.0.0.0/${8 + ((rule / AROUND_EVERY) % 16)}], sourceSubnet: 10.${third}.0/24}`
      : `{destinationSubnets: [10.${(rule >> 16) & 255}.${third}]}`
  return `{match: [${match}], ${destinationsText([to], [])}}`
}
