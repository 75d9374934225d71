/**
 * The handshake with a client whose TLS ends here, in state Reading: the same as
 * ../flow/terminating.ts, by node:tls. It lets OpenSSL take any certificate and judges it after the
 * handshake, when nothing can say an alert any more: a client that is refused for one gets a reset.
 * The deadline of its ClientHello (`arrival.readUntilMs`) is that of the handshake, too.
 */

import type { Socket } from 'node:net'
import { Reason } from '../../stats/reasons.ts'
import { certifies, type TlsServer } from '../../table/plan/tls.ts'
import { Own } from '../../tls/details.ts'
import type { Arrival } from '../decide/arrival.ts'
import { isTooLong } from '../worker/certified.ts'
import type { Early } from './early.ts'
import type { TlsContexts } from './tls-contexts.ts'
import { TlsEnd } from './tls-end.ts'

type Terminating = {
  readonly arrival: Arrival
  readonly server: TlsServer
  readonly raw: Socket
  /** What it has said already. */
  readonly early: Early
  readonly contexts: TlsContexts
  /** From now on bytes come from `secured`, and go to it. */
  readonly onSecured: (secured: Socket) => void
  readonly onDenied: (reason: number, detail: number) => void
  /** It broke its stream off, after the handshake. */
  readonly onBrokenOff: (detail: number) => void
  readonly onCutShort: () => void
}

/** null: there is no certificate to serve with. */
export function terminate(options: Terminating): TlsEnd | null {
  const { arrival, server, raw, early, contexts, onSecured, onDenied } = options
  const served = contexts.ofServer(server)
  if (served === null) {
    onDenied(Reason['tls-handshake'], Own.noCertificate)
    return null
  }
  const end = TlsEnd.accept(
    {
      raw,
      early: early.takeAll(),
      onAgreed: () => {
        arrival.query.alpn = end.alpn
        const identity = certifies(server) ? end.identity() : null
        arrival.query.identity = identity
        if (identity && isTooLong(identity)) onDenied(Reason['tls-client-certificate'], Own.identityTooLong)
        else onSecured(end.socket)
      },
      onTlsFailed: ({ detail, isCertificate }) => {
        if (end.isAgreed) options.onBrokenOff(detail)
        else onDenied(Reason[isCertificate ? 'tls-client-certificate' : 'tls-handshake'], detail)
      },
      onTruncated: options.onCutShort,
    },
    { ...server, alpn: sharedProtocols(server, arrival) },
    served,
  )
  raw.resume()
  return end
}

/** node:tls refuses a client that offers none of a list: weir chooses none then, as OpenSSL may. */
function sharedProtocols({ alpn }: TlsServer, { hearing }: Arrival): readonly string[] {
  const offered = hearing?.hello.hints.protocols ?? []
  return alpn.filter(each => offered.includes(each))
}
