/** Which server of a listener terminates a client's TLS, and who it knows its client to be. */

import type { Listener, Plan } from '../../src/table/plan/plan.ts'
import { certifies, type TlsServer } from '../../src/table/plan/tls.ts'
import { naiveScope } from '../support/naive-match.ts'
import type { Peer } from './peers.ts'

/** No scope of a run asks for addresses. */
const ANYBODY = '0.0.0.0'

/** The server of a listener that a name leads to; null: none. */
export function serverOf(plan: Plan, listener: Listener, serverName: string): TlsServer | null | undefined {
  const query = { gateway: listener.gateway, port: listener.port, client: ANYBODY, destination: ANYBODY }
  const here = { ...plan, listeners: [{ ...listener, bind: '' }] }
  const scope = naiveScope(here, { ...query, isTls: true, serverName })
  return scope === null ? null : scope.tls
}

/** The names of its certificate, which are none in a run; null: its server knows of none. */
export function certificateOf(plan: Plan, listener: Listener, client: Peer): readonly string[] | null {
  const server = client.shake ? serverOf(plan, listener, client.serverName) : null
  return server && certifies(server) && client.hasShown === 'right' ? [] : null
}
