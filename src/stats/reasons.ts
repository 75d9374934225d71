/**
 * Why a connection ended: every one that was accepted ends exactly once, with one of these.
 *
 * Counted in stats.ts under the same names; docs and the admin page show the sentences.
 */

export const REASONS = {
  'client-closed': 'Both sides ended in order, the client first.',
  'upstream-closed': 'Both sides ended in order, the upstream first.',
  'client-reset': 'The client reset the connection; the upstream was reset too.',
  'upstream-reset': 'The upstream reset the connection; the client was reset too.',
  'client-lost':
    'The kernel gave the client up: keepalive or retransmission timed out, or its network went away.',
  'upstream-lost':
    'The kernel gave the upstream up: keepalive or retransmission timed out, or its network went away.',
  'connect-refused': 'The last endpoint that was tried refused the connection.',
  'connect-timeout': 'The last endpoint that was tried did not answer within the connect timeout.',
  'connect-failed':
    'The last endpoint that was tried could not be reached: no route to it, or no local port.',
  'no-route': 'No rule of the listener matched, and it has no default.',
  denied: 'The address is no service of the mesh, and the mesh only lets services out (REGISTRY_ONLY).',
  'unknown-destination': 'The rule names a host or subset that no resource defines.',
  'no-endpoint': 'The destination has no endpoint.',
  'max-connections': 'The limit of open connections over all workers was reached.',
  'cluster-max-connections': 'The limit of open connections to the destination was reached.',
  'idle-timeout': 'No byte came from either side for the idle timeout.',
  'max-duration': 'The connection reached the longest duration that its policy allows.',
  drain: 'It was drained: the gateway ends and the time for it was over, or somebody asked to end it.',
  stop: 'The worker was told to end at once.',
  loop: 'Where it was to go is one of our own listeners: it would have come back for ever.',
  'proxy-invalid': 'Who must send a PROXY header sent something else, or ended before it was whole.',
  'proxy-timeout': 'Who must send a PROXY header had not sent all of it in time.',
  'proxy-untrusted': 'Only the load balancers of the listener may connect, and it was none of them.',
  'accept-error': 'It could not be accepted, or nobody be dialed for it: open files or memory ran out.',
  'worker-lost': 'Its worker died.',
} as const

export type ReasonName = keyof typeof REASONS

/** Those for which a connection ends that was served; no trouble of anyone's. */
export const ORDINARY: ReadonlySet<string> = new Set<ReasonName>([
  'client-closed',
  'upstream-closed',
  'client-reset',
  'upstream-reset',
  'idle-timeout',
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
