/**
 * The annotation `gateway.weir/proxy-tlvs` of a DestinationRule: "ssl, alpn, unique-id, crc32c" or
 * some of them. It says what a PROXY header of version 2 has beside addresses and the server name.
 * The names are those of HAProxy's proxy-v2-options.
 */

import { PROXY_TLVS, type ProxyTlv } from '../../table/plan/policy.ts'

export const PROXY_TLVS_NAME = 'gateway.weir/proxy-tlvs'

/** null: one of them is none. */
export function readProxyTlvs(text: string): readonly ProxyTlv[] | null {
  const words = text.split(',').map(each => each.trim())
  const known = PROXY_TLVS.filter(each => words.includes(each))
  return words.every(each => PROXY_TLVS.some(name => name === each)) ? known : null
}
