/**
 * TLS in a run: what plans ask for, what peers do in a handshake that they should not, and what has
 * to hold of connections then.
 */

import { Live } from '../../src/stats/connections.ts'
import type { Cluster, Listener } from '../../src/table/plan/plan.ts'
import type { TlsServer, TlsUpstream } from '../../src/table/plan/tls.ts'
import type { TlsSecrets } from '../../src/tls/material.ts'
import type { Dice } from './dice.ts'
import type { Ended, Scene } from './oracle.ts'
import type { Peer } from './peers.ts'

/** From accept to the end of a handshake. */
const HANDSHAKES_MS = [100, 700, 3000] as const
const HANDSHAKE_MOST_MS = 3000
/** For an alert to leave (src/engine/flow/terminating.ts). */
const ALERT_MS = 1_000
/** For what is read of a client before it is decided about. */
export const SHAKES_MOST_MS = HANDSHAKE_MOST_MS + ALERT_MS + 200

const TERMS = { alpn: [], minVersion: 'TLSV1_2', maxVersion: 'TLSV1_3' } as const
const SERVER: TlsServer = {
  name: 'server',
  material: 'server',
  clients: 'required',
  verify: null,
  ciphers: [],
  ...TERMS,
}
const UPSTREAM: TlsUpstream = {
  material: null,
  trust: 'authority',
  serverName: '',
  names: ['a.test'],
  ...TERMS,
}

export const SECRETS: TlsSecrets = {
  material: ['server', 'authority'].map(id => ({ id, pairs: [], authorities: null, crl: null, digest: id })),
  tickets: { current: new Uint8Array(80), previous: null },
}

/** A server without a certificate serves nobody. */
export function terminating(listener: Listener, dice: Dice): Listener {
  const material = dice.chance(0.05) ? 'lost' : 'server'
  const tls = { ...SERVER, material, clients: dice.pick(['none', 'required'] as const) }
  const takes = { names: ['*'], plain: false }
  const scopes = listener.scopes.map(scope => ({ ...scope, takes, tls }))
  return { ...listener, reads: 'tls', readTimeoutMs: dice.pick(HANDSHAKES_MS), scopes }
}

export const originating = (cluster: Cluster): Cluster => ({ ...cluster, tls: UPSTREAM })

/** What a peer does in a handshake. */
export type Shake = {
  readonly is: (typeof KINDS)[number]
  /** After so many bytes of its own. */
  readonly at: number
  /** It says as much at once, with gaps of up to `gapMs`. */
  readonly piece: number
  readonly gapMs: number
}

const KINDS = [
  ...(['right', 'right', 'right', 'right', 'right', 'right', 'right', 'right'] as const),
  ...(['wrongCertificate', 'noCertificate', 'breaksOff', 'garbles'] as const),
  ...(['stalls', 'quits', 'resets', 'truncates'] as const),
] as const

export function drawShake(dice: Dice, helloBytes: number): Shake {
  const is = dice.pick(KINDS)
  const at =
    is === 'garbles' ? helloBytes + dice.below(40) : dice.below(dice.pick([20, helloBytes + 60, 2500]))
  const isSlow = dice.chance(0.3)
  return { is, at, piece: isSlow ? dice.pick([1, 7, 100]) : 1e9, gapMs: isSlow ? dice.pick([0, 2, 10]) : 0 }
}

const IN_ORDER: ReadonlySet<string> = new Set(['client-closed', 'upstream-closed'])

export function checkSecured(
  { gateway, servers, lateMs, onBug }: Scene,
  { reason, words, numbers }: Ended,
  client: Peer,
  server: Peer | undefined,
  who: string,
): void {
  const plan = gateway.plans[words[Live.generation] - 1]
  const { scopes = [], readTimeoutMs = 0 } = plan?.listeners[words[Live.listener]] ?? {}
  const tls = scopes[0]?.tls
  const isDecided = words[Live.route] >= 0 || reason === 'no-route'
  const lasted = numbers[Live.endedMs / 2] - numbers[Live.acceptedMs / 2]
  if (tls && client.shake) {
    const { is } = client.shake
    const isRefused = is === 'wrongCertificate' || (is === 'noCertificate' && tls.clients === 'required')
    if (isDecided && !client.hasShaken) onBug(`${who}: it was decided before its handshake was over`)
    if (isDecided && (isRefused || tls.material === 'lost')) onBug(`${who}: it was to be refused (${is})`)
    if (reason === 'tls-client-certificate' && !isRefused) onBug(`${who}: its certificate was right`)
    if (reason === 'tls-timeout' && !isDecided && lasted < readTimeoutMs - 1)
      onBug(`${who}: after ${lasted} ms`)
    const untilMs = numbers[Live.acceptedMs / 2] + readTimeoutMs
    const wasInTime = client.hasShaken && client.shakenMs + lateMs < untilMs && is !== 'garbles'
    if (reason === 'tls-timeout' && !isDecided && wasInTime) onBug(`${who}: its handshake was over (${is})`)
    const isRight = is === 'right' || is === 'truncates' || (is === 'noCertificate' && !isRefused)
    const mayFail = tls.material === 'lost' || client.saidEnd || client.hasReset
    if (reason === 'tls-handshake' && !isDecided && isRight && !mayFail)
      onBug(`${who}: its handshake was right`)
  }
  if (reason === 'tls-upstream-certificate' && !servers.some(each => each.shake?.is === 'wrongCertificate'))
    onBug(`${who}: all servers' certificates are right`)
  const sides = [client, ...(server ? [server] : servers)]
  if (reason === 'tls-truncated' && !sides.some(each => each.isCut)) onBug(`${who}: nobody's stream was cut`)
  if (IN_ORDER.has(reason) && (client.isCut || server?.isCut))
    onBug(`${who}: a stream that was cut looks whole`)
}
