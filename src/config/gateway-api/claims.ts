/**
 * The owner of each socket, or of each server name on it: one process listens once at a port,
 * however many Gateways ask for it.
 *
 * Istio's Gateways come first, then those of Gateway API by age: the younger one's listener is
 * not accepted (PortUnavailable). Within a Gateway, conflicts.ts decides.
 */

import { type GatewayServers, socketKey } from '../plan/servers.ts'

type Claim = { readonly names: readonly string[]; readonly gateway: string; readonly title: string }

export class Claims {
  readonly #bySocket = new Map<string, Claim[]>()

  constructor(gateways: readonly GatewayServers[]) {
    for (const { resource, servers } of gateways) {
      for (const { bind, port, carries, names } of servers) {
        if (carries === 'nothing') continue
        this.add([bind], port, { names, gateway: `istio ${resource.id}`, title: `Istio’s ${resource.title}` })
      }
    }
  }

  /** The owner of a socket, or of one of the names there; null: it is free for this Gateway. */
  owner(binds: readonly string[], port: number, names: readonly string[], gateway: string): string | null {
    const claims = binds.flatMap(bind => this.#bySocket.get(socketKey(bind, port)) ?? [])
    const found = claims.find(each => each.gateway !== gateway && collide(each.names, names))
    return found?.title ?? null
  }

  add(binds: readonly string[], port: number, claim: Claim): void {
    for (const bind of binds) this.#bySocket.getOrInsertComputed(socketKey(bind, port), () => []).push(claim)
  }
}

/** No names: what is not TLS. A TLS server beside a plain one is told apart by the first bytes. */
const collide = (left: readonly string[], right: readonly string[]): boolean =>
  left.length === 0 || right.length === 0
    ? left.length === right.length
    : left.some(name => right.includes(name))
