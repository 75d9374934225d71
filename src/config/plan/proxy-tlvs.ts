/**
 * The annotation `gateway.weir/proxy-tlvs` of a DestinationRule: "ssl, alpn, unique-id, crc32c" or
 * some of them. It says what a PROXY header of version 2 has beside addresses and the server name.
 * The names are those of HAProxy's proxy-v2-options.
 */

import { PROXY_TLVS, type ProxyTlv } from '../../table/plan/policy.ts'
import type { Findings } from '../findings/diagnostic.ts'
import type { DestinationRuleSpec, ProxyProtocol, Typed } from './inputs.ts'
import { expandHost } from './names.ts'

export const PROXY_TLVS_NAME = 'gateway.weir/proxy-tlvs'

/** null: one of them is none. */
export function readProxyTlvs(text: string): readonly ProxyTlv[] | null {
  const words = text.split(',').map(each => each.trim())
  const known = PROXY_TLVS.filter(each => words.includes(each))
  return words.every(each => PROXY_TLVS.some(name => name === each)) ? known : null
}

/**
 * The annotation, where no header has a place for what it lists: that of a rule for a host of whose
 * rules none asks for version 2.
 */
export function reportProxyTlvs(rules: readonly Typed<DestinationRuleSpec>[], findings: Findings): void {
  const hosts = Map.groupBy(rules, hostOf)
  for (const rule of rules) {
    const { resource } = rule
    const text = resource.metadata.annotations[PROXY_TLVS_NAME]
    const blocks = (hosts.get(hostOf(rule)) ?? []).flatMap(blocksOf)
    if (text === undefined || !readProxyTlvs(text)?.length || blocks.some(isSecond)) continue
    const why =
      blocks.length > 0
        ? 'proxyProtocol is of version V1, whose header has no place for it'
        : 'nothing asks for a PROXY header: trafficPolicy.proxyProtocol is missing'
    findings.at('CFG252', resource, PATH, `${PROXY_TLVS_NAME} has no effect: ${why}`, CURE)
  }
}

const PATH = ['metadata', 'annotations', PROXY_TLVS_NAME]
const CURE = 'set trafficPolicy.proxyProtocol.version: V2, or remove the annotation'

const hostOf = ({ resource, value }: Typed<DestinationRuleSpec>): string =>
  `${resource.metadata.namespace} ${expandHost(value.host, resource.metadata.namespace)}`

/** Each `proxyProtocol` of a rule. */
const blocksOf = ({ value }: Typed<DestinationRuleSpec>): ProxyProtocol[] =>
  [value.trafficPolicy, ...(value.subsets ?? []).map(each => each.trafficPolicy)].flatMap(policy =>
    policy?.proxyProtocol ? [policy.proxyProtocol] : [],
  )

const isSecond = ({ version }: ProxyProtocol): boolean => version === 'V2'
