/** What the TLVs of an upstream's PROXY header say of a client (../../wire/proxy-details.ts). */

import { ProxyTlvs } from '../../table/format/routing-layout.ts'
import type { PeerTerms } from '../../tls/session.ts'
import type { ProxyDetails } from '../../wire/proxy-details.ts'

/**
 * @param tlvs  What the upstream asks for: bits of ProxyTlvs; 0: nothing.
 * @param id  The connection's number, as the access log has it.
 * @param terms  Of the client's TLS, if that ends here; called if they are asked for.
 */
export function detailsOf(tlvs: number, id: number, terms: () => PeerTerms | null): ProxyDetails | null {
  if (tlvs === 0) return null
  const asked = (tlvs & (ProxyTlvs.ssl | ProxyTlvs.alpn)) === 0 ? null : terms()
  return {
    alpn: (tlvs & ProxyTlvs.alpn) === 0 ? '' : (asked?.alpn ?? ''),
    uniqueId: (tlvs & ProxyTlvs.uniqueId) === 0 ? '' : String(id),
    tls: (tlvs & ProxyTlvs.ssl) === 0 ? null : asked,
    isChecked: (tlvs & ProxyTlvs.crc32c) !== 0,
  }
}
