/**
 * Which block of a VirtualService applies to a port: the port's protocol decides, never the
 * VirtualService.
 */

import { protocolFamily } from '../validate/values.ts'

/**
 * `tcp` and `http` name the block that applies; `tls` ports are routed by server name; `udp` is not
 * supported.
 */
export type Layer = 'tcp' | 'http' | 'tls' | 'udp'

/** Names of Kubernetes besides the protocols (pkg/config/kube/conversion.go). */
const KUBERNETES: ReadonlyMap<string, Layer> = new Map([
  ['sctp', 'udp'],
  ['kubernetes.io/h2c', 'http'],
  ['kubernetes.io/ws', 'http'],
  ['kubernetes.io/wss', 'tls'],
])

/**
 * The layer of a declared protocol. An unset or unknown one counts as TCP: weir does not guess from
 * bytes.
 */
export const layerOf = (protocol = ''): Layer =>
  protocolFamily(protocol) ?? KUBERNETES.get(protocol.toLowerCase()) ?? 'tcp'

/**
 * A Kubernetes port declares it by `appProtocol`, else by the first part of its name: "http-web",
 * "grpc-web-api".
 */
export function layerOfServicePort(port: { protocol?: string; appProtocol?: string; name?: string }): Layer {
  if (layerOf(port.protocol) === 'udp') return 'udp'
  const name = port.name?.toLowerCase() ?? ''
  const layer = layerOf(
    port.appProtocol ?? (name.startsWith('grpc-web') ? 'grpc-web' : name.split('-', 1)[0]),
  )
  return layer === 'udp' ? 'tcp' : layer
}
