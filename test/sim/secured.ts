/**
 * TLS in a run: what plans ask for, what peers do in a handshake that they should not, and what has
 * to hold of connections then.
 */

import { Live } from '../../src/stats/connections.ts'
import type { Cluster, Listener } from '../../src/table/plan/plan.ts'
import type { TlsServer, TlsUpstream } from '../../src/table/plan/tls.ts'
import type { Dice } from './dice.ts'
import type { Client, Ended, Scene } from './oracle.ts'
import type { Peer } from './peers.ts'
import { isBarred } from './places.ts'
import { serverOf } from './servers.ts'
import type { Shows } from './session.ts'

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

/** A server without a certificate serves nobody. */
export function terminating(listener: Listener, dice: Dice): Listener {
  const scopes = listener.scopes.map(scope => {
    const material = dice.chance(0.05) ? 'lost' : 'server'
    const tls = { ...SERVER, material, clients: dice.pick(['none', 'required'] as const) }
    return { ...scope, takes: { names: scope.takes?.names ?? ['*'], plain: false }, tls }
  })
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

/** Which certificate it shows. */
export const showsOf = ({ is }: Shake): Shows =>
  is === 'wrongCertificate' ? 'wrong' : is === 'noCertificate' ? 'none' : 'right'

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

/** A certificate that is not taken, or the lack of one. */
const isUnwanted = (is: Shake['is'], asks: boolean): boolean =>
  is === 'wrongCertificate' || (is === 'noCertificate' && asks)

const IN_ORDER: ReadonlySet<string> = new Set(['client-closed', 'upstream-closed'])

export function checkSecured(
  { gateway, servers, lateMs, onBug }: Scene,
  record: Ended,
  { peer: client, credentials }: Client,
  server: Peer | undefined,
  who: string,
): void {
  const { reason, words, numbers } = record
  const plan = gateway.plans[words[Live.generation] - 1]
  const listener = plan?.listeners[words[Live.listener]]
  const readTimeoutMs = listener?.readTimeoutMs ?? 0
  const tls = client.shake && listener ? serverOf(plan, listener, client.serverName) : undefined
  const isDecided = words[Live.route] >= 0 || reason === 'no-route' || isBarred(record)
  if (tls === null) checkNobody(record, client, onBug, who)
  const lasted = numbers[Live.endedMs / 2] - numbers[Live.acceptedMs / 2]
  if (tls && client.shake) {
    const { is } = client.shake
    const asks = tls.clients === 'required'
    const { hasResumed = false } = client.shaken ?? {}
    const wrong = client.shaken
      ? gateway.credentials.wrong(client.shaken, credentials, numbers[Live.endedMs / 2], asks)
      : ''
    if (wrong !== '') onBug(`${who}: ${wrong}`)
    const isRefused = !hasResumed && isUnwanted(is, asks)
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
  const isShaking = client.shake !== null && !isDecided && reason !== 'worker-lost'
  if (isShaking && lasted > readTimeoutMs + ALERT_MS + lateMs)
    onBug(`${who}: after ${lasted} ms of ${readTimeoutMs}`)
  if (reason === 'tls-upstream-certificate' && !servers.some(each => each.shake?.is === 'wrongCertificate'))
    onBug(`${who}: all servers' certificates are right`)
  const sides = [client, ...(server ? [server] : servers)]
  // A record of another length may not end.
  const isCut = (each: Peer): boolean => each.isCut || (each.hasStruck && each.shake?.is === 'garbles')
  if (reason === 'tls-truncated' && !sides.some(isCut)) onBug(`${who}: nobody's stream was cut`)
  if (IN_ORDER.has(reason) && (client.isCut || server?.isCut))
    onBug(`${who}: a stream that was cut looks whole`)
}

/** Of those who ask for a name that no server has, none gets as far as to a handshake. */
function checkNobody({ reason, words }: Ended, client: Peer, onBug: Scene['onBug'], who: string): void {
  if (words[Live.route] >= 0) onBug(`${who}: no server has its name`)
  if (client.hasShaken) onBug(`${who}: no server has its name, and there was a handshake`)
  if (reason === 'no-sni' && client.serverName !== '') onBug(`${who}: it asked for ${client.serverName}`)
}
