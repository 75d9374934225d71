/**
 * The access log's fields for each reason: who ended the connection, and the Envoy response flag
 * with the same meaning, if there is one.
 *
 * The flags: Envoy, "Access logging", %RESPONSE_FLAGS%. "-": none, as there.
 */

import type { ReasonName } from '../stats/reasons.ts'

type Ending = { readonly by: 'client' | 'upstream' | 'weir'; readonly flags: string }

export const ENDINGS: { readonly [reason in ReasonName]: Ending } = {
  'client-closed': { by: 'client', flags: '-' },
  'upstream-closed': { by: 'upstream', flags: '-' },
  'client-reset': { by: 'client', flags: 'DC' },
  'upstream-reset': { by: 'upstream', flags: 'UR' },
  'client-lost': { by: 'client', flags: 'DC' },
  'upstream-lost': { by: 'upstream', flags: 'UC' },
  'connect-refused': { by: 'upstream', flags: 'UF,URX' },
  'connect-timeout': { by: 'upstream', flags: 'UF,URX' },
  'connect-failed': { by: 'upstream', flags: 'UF,URX' },
  'no-route': { by: 'weir', flags: 'NR' },
  denied: { by: 'weir', flags: 'UH' }, // Istio's BlackHoleCluster
  'source-limit': { by: 'weir', flags: 'RL' },
  'denied-by-policy': { by: 'weir', flags: '-' },
  'unknown-destination': { by: 'weir', flags: 'NC' },
  'no-endpoint': { by: 'weir', flags: 'UH' },
  'max-connections': { by: 'weir', flags: '-' },
  'cluster-max-connections': { by: 'weir', flags: 'UO' },
  'idle-timeout': { by: 'weir', flags: '-' },
  'client-stalled': { by: 'client', flags: '-' },
  'upstream-stalled': { by: 'upstream', flags: '-' },
  'max-duration': { by: 'weir', flags: 'DT' },
  drain: { by: 'weir', flags: 'LR' },
  'endpoint-down': { by: 'weir', flags: 'LR' },
  'endpoint-removed': { by: 'weir', flags: 'LR' },
  stop: { by: 'weir', flags: 'LR' },
  loop: { by: 'weir', flags: '-' },
  'proxy-invalid': { by: 'weir', flags: '-' },
  'proxy-timeout': { by: 'weir', flags: '-' },
  'proxy-untrusted': { by: 'weir', flags: '-' },
  'no-sni': { by: 'weir', flags: 'NR' },
  'not-tls': { by: 'weir', flags: 'NR' },
  'hello-too-large': { by: 'weir', flags: '-' },
  'hello-timeout': { by: 'weir', flags: '-' },
  'starttls-refused': { by: 'upstream', flags: '-' },
  'starttls-timeout': { by: 'upstream', flags: '-' },
  'tls-handshake': { by: 'weir', flags: '-' },
  'tls-timeout': { by: 'weir', flags: '-' },
  'tls-client-certificate': { by: 'weir', flags: '-' },
  'tls-upstream-certificate': { by: 'upstream', flags: 'UF,URX' },
  'tls-truncated': { by: 'weir', flags: '-' },
  'accept-error': { by: 'weir', flags: '-' },
  'worker-lost': { by: 'weir', flags: '-' },
}
