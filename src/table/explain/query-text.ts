/** A hypothetical connection in words: where it goes, and why no server takes it. */

import { formatAddress, formatEndpoint } from '../../address/address.ts'
import type { Query } from '../match/query.ts'

export function askedAddress(query: Query): string {
  if (query.destinationFamily === 0) return `port ${query.destinationPort} of an unknown address`
  return formatEndpoint(formatAddress(query.destinationFamily, query.destination), query.destinationPort)
}

/** Why no server of a socket takes the client. */
export function whyNobody({ isTls, serverName }: Query): string {
  if (!isTls)
    return 'no server takes a client that does not begin with TLS; a TLS client is asked about by sni'
  if (serverName === '') return 'no server takes a TLS client that asks for no server name'
  return `no server takes the server name ${serverName}`
}
