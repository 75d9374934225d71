/**
 * Why a connection ended: every accepted connection ends exactly once, with one of these reasons.
 *
 * stats.ts counts them under the same names; docs and the admin page show the sentences.
 */

export const REASONS = {
  'client-closed': 'Both sides ended in order, the client first.',
  'upstream-closed': 'Both sides ended in order, the upstream first.',
  'client-reset': 'The client reset the connection; the upstream was reset too.',
  'upstream-reset': 'The upstream reset the connection; the client was reset too.',
  'client-lost':
    'The kernel gave up on the client: keepalive or retransmission timed out, or its network is gone.',
  'upstream-lost':
    'The kernel gave up on the upstream: keepalive or retransmission timed out, or its network is gone.',
  'connect-refused': 'The last endpoint tried refused the connection.',
  'connect-timeout': 'The last endpoint tried did not answer within the connect timeout.',
  'connect-failed': 'The last endpoint tried could not be reached: no route to it, or no local port.',
  'no-route': 'No rule of the listener matched, and it has no default.',
  denied: 'The address is not a service of the mesh, and the mesh reaches only services (REGISTRY_ONLY).',
  'source-limit': 'The client’s source has as many connections, or new ones a second, as a limit allows.',
  'denied-by-policy':
    'An AuthorizationPolicy denies it: a DENY rule matches, or no rule of the ALLOW policies does.',
  'unknown-destination':
    'The rule names a host or subset that no resource defines, or a backend that it may not use.',
  'no-endpoint': 'The destination has no endpoint, or all of them are down.',
  'max-connections': 'The limit of open connections across all workers was reached.',
  'cluster-max-connections': 'The limit of open connections to the destination was reached.',
  'idle-timeout': 'Neither side sent a byte within the idle timeout.',
  'client-stalled': 'The client took no byte of those that waited for it within the write timeout.',
  'upstream-stalled': 'The upstream took no byte of those that waited for it within the write timeout.',
  'max-duration': 'The connection reached the maximum duration of its policy.',
  drain: 'A drain reset it: the drain timeout of the gateway expired, or an operator drained it.',
  stop: 'weir was told to end at once, by a second signal.',
  loop: 'Its endpoint is one of the gateway’s own listeners, so it would loop.',
  'proxy-invalid': 'The peer must send a PROXY header, and sent something else or closed before its end.',
  'proxy-timeout': 'The peer must send a PROXY header, and did not complete it in time.',
  'proxy-untrusted': 'The listener accepts only its load balancers, and the peer is not one of them.',
  'no-sni': 'The TLS client sent no server name, and no server of the listener accepts that.',
  'not-tls': 'The client did not begin with TLS, and no server of the listener accepts that.',
  'hello-too-large': 'The ClientHello was longer than 16 KiB.',
  'hello-timeout': 'The client did not complete its ClientHello in time.',
  'starttls-refused': 'The upstream refused the TLS that the client had asked for.',
  'starttls-timeout': 'The upstream did not answer the request for TLS within the connect timeout.',
  'tls-handshake': 'The TLS handshake with the client, or with the last endpoint tried, failed.',
  'tls-timeout':
    'The client did not finish its TLS handshake within `reading.timeout`, or the upstream within the connect timeout.',
  'tls-client-certificate': 'The client’s certificate was not accepted, or it showed none.',
  'tls-upstream-certificate': 'The certificate of the last endpoint tried was not accepted.',
  'tls-truncated':
    'A side ended its connection without ending its TLS stream, so the stream may have been cut.',
  'accept-error':
    'weir could not accept it, not dial for it, or not buffer its TLS: out of file descriptors or memory.',
  'endpoint-down': 'The health checks of its endpoint failed, and onDown=close asks for this.',
  'endpoint-removed': 'The configuration no longer has its endpoint, and on-remove=close asks for this.',
  'worker-lost': 'Its worker died.',
} as const

export type ReasonName = keyof typeof REASONS

/** Reasons for the end of a served connection; no problem of anyone's. */
export const ORDINARY: ReadonlySet<string> = new Set<ReasonName>([
  'client-closed',
  'upstream-closed',
  'client-reset',
  'upstream-reset',
  'idle-timeout',
  'client-stalled',
  'upstream-stalled',
  'max-duration',
  'drain',
  'stop',
])

/** A reason's number is its place in this list. */
export const REASON_NAMES = Object.keys(REASONS) as readonly ReasonName[]

/** The numbers by name, as the data path uses them. */
export const Reason = Object.fromEntries(REASON_NAMES.map((name, number) => [name, number])) as Readonly<
  Record<ReasonName, number>
>
