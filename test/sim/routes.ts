/**
 * What has to hold of each decision: the naive matcher's answer, by what was in force, for what the
 * client and its load balancer have said.
 */

import { formatAddress } from '../../src/address/address.ts'
import { Flags, Live } from '../../src/stats/connections.ts'
import type { Listener } from '../../src/table/plan/plan.ts'
import { naiveMatch } from '../support/naive-match.ts'
import { nameIn, nameText } from './names.ts'
import type { Client, Ended, Scene } from './oracle.ts'
import type { Peer } from './peers.ts'
import { checkPolicies, isBarred } from './places.ts'
import { SHAKES_MOST_MS } from './secured.ts'
import { isSender, type Preface } from './senders.ts'
import type { Version } from './tables.ts'

/** What a client is read from for, at most (plans.ts). */
export const READ_MOST_MS = 700
const NOTHING = new Uint8Array(0)
const UNROUTED: ReadonlySet<string> = new Set(['no-route', 'no-sni'])

/** The naive matcher, asked with what was in force between connect and decision. */
export function checkRoute(scene: Scene, record: Ended, client: Client, who: string): void {
  const { gateway, onBug } = scene
  const { reason, words } = record
  if (reason === 'max-connections' || reason === 'accept-error' || words[Live.destinationFamily] === 0) return
  const generation = words[Live.generation]
  const plan = gateway.plans[generation - 1]
  const listener = plan.listeners[words[Live.listener]]
  checkPlace(scene, record, client, who)
  const newest = gateway.plans.slice(generation, client.generation)
  const isThere = newest.some(each =>
    each.listeners.some(other => other.port === listener.port && other.bind === listener.bind),
  )
  if (isThere) onBug(`${who}: decided by generation ${generation}, when ${client.generation} was there`)
  if (!checkProxy(scene, record, client, who)) return
  if (client.peer.shake === null && !checkOpening(scene, record, client.peer, who)) return
  const isAnswered = UNROUTED.has(reason) || isBarred(record)
  if (client.peer.shake && words[Live.route] < 0 && !isAnswered) return // secured.ts
  const versions = versionsFor(scene, record, client)
  const taken = takenFor(record, client.peer, listener)
  const plans = versions.map(each => each.plan)
  checkPolicies(scene, record, client, taken, plans, who)
  if (isBarred(record)) return
  const query = {
    gateway: listener.gateway,
    client: nameIn(record.words, Live.client).address,
    destination: nameIn(record.words, Live.destination).address,
    port: listener.port,
    serverName: client.peer.serverName,
  }
  const route = words[Live.route]
  // Which listener it is, is known, whatever a header says of where it was to go.
  const listeners = [{ ...listener, bind: '' }]
  const isRight = ({ plan }: Version) =>
    taken.some(isTls => naiveMatch({ ...plan, listeners }, { ...query, isTls }).route === route)
  if (!versions.some(isRight))
    onBug(`${who}: route ${route} is that of no version of generation ${generation}`)
  const cluster = words[Live.cluster]
  if (cluster < 0 || route < 0) return
  if (!plan.routes[route].destinations.some(each => each.cluster === cluster))
    onBug(`${who}: cluster ${cluster} is none of route ${route}`)
  if (words[Live.endpointFamily] === 0) return
  const { address, port } = nameIn(record.words, Live.endpointAddress)
  const isEndpoint = versions.some(version =>
    version.plan.clusters[cluster].endpoints.some(each => each.address === address && each.port === port),
  )
  if (!isEndpoint) onBug(`${who}: ${address} is no endpoint of cluster ${cluster}`)
  checkIntroduction(scene, record, client, who)
}

/**
 * Whether it may have been taken for a TLS client, and for a plain one. One that says a hello is
 * plain where that came too late: at a suspended machine it may, though it was said in time.
 */
function takenFor(
  { words, numbers }: Ended,
  { opening, shake, asking }: Peer,
  listener: Listener,
): boolean[] {
  if (shake) return [true]
  if (opening?.is !== 'whole') return [false]
  const lasted = numbers[Live.endedMs / 2] - numbers[Live.acceptedMs / 2]
  const mayBePlain =
    !asking?.hasAsked &&
    listener.scopes.some(each => each.takes?.plain) &&
    lasted >= (listener.readTimeoutMs ?? 0) - 1
  if (!mayBePlain) return [true]
  if (words[Live.route] < 0) return [true, false] // a record without flags
  return [(words[Live.flags] & Flags.tls) !== 0]
}

/** Of the record's generation, what was in force at any time from the client's connect on. */
function versionsFor({ gateway }: Scene, { words, numbers }: Ended, { connectedMs }: Client): Version[] {
  const { versions } = gateway
  return versions.filter(({ generation, sinceMs }, index) => {
    const next = versions[index + 1]
    const isOver = next?.generation === generation && next.sinceMs < connectedMs
    return generation === words[Live.generation] && !isOver && sinceMs <= numbers[Live.endedMs / 2]
  })
}

/** The listener is the one that the kernel gave the connection to. */
function checkPlace({ gateway, onBug }: Scene, { words }: Ended, client: Client, who: string): void {
  const plan = gateway.plans[words[Live.generation] - 1]
  const { local, remote } = client.peer.socket
  const [destination, from] = [remote, local].map(name => formatAddress(name.family, name.words))
  const { gateway: name } = plan.listeners[words[Live.listener]]
  const outcome = naiveMatch(plan, { gateway: name, client: from, destination, port: remote.port })
  if (outcome.listener !== words[Live.listener])
    onBug(`${who}: listener ${words[Live.listener]}, not ${outcome.listener}`)
}

/** False where nothing was decided, for what it said of its client or did not say. */
function checkProxy(scene: Scene, record: Ended, client: Client, who: string): boolean {
  const { onBug } = scene
  const { reason, words } = record
  const { peer } = client
  const { preface } = peer
  const reads = scene.proxied.get(peer.socket.remote.port)
  const isTrusted = reads === undefined || !reads.require || isSender(reads, peer.socket.local)
  const wasRouted = words[Live.route] !== -1 || words[Live.cluster] !== -1
  if (!isTrusted && wasRouted) onBug(`${who}: it may not connect, and was routed`)
  if (isTrusted && reason === 'proxy-untrusted') onBug(`${who}: it is trusted`)
  if (!isTrusted) return false
  if (preface !== null) return checkHeader(scene, record, peer, preface, who)
  if (words[Live.peerFamily] !== 0 || reason === 'proxy-invalid' || reason === 'proxy-timeout')
    onBug(`${who}: nothing was to be read of it`)
  return true
}

function checkHeader(
  { gateway, lateMs, onBug }: Scene,
  record: Ended,
  peer: Peer,
  { is, claims }: Preface,
  who: string,
): boolean {
  const { reason, words, numbers } = record
  const plan = gateway.plans[words[Live.generation] - 1]
  const timeoutMs = plan.listeners[words[Live.listener]].proxyProtocol?.timeoutMs ?? 0
  const lasted = numbers[Live.endedMs / 2] - numbers[Live.acceptedMs / 2]
  if (reason === 'proxy-invalid' && is === 'whole' && peer.isIntroduced) onBug(`${who}: its header was right`)
  if (reason === 'proxy-timeout' && lasted < timeoutMs - 1)
    onBug(`${who}: after ${lasted} ms of ${timeoutMs}`)
  // What follows it may have to be read as well.
  const isRead = ['hello-timeout', 'hello-too-large', 'not-tls', 'no-sni'].includes(reason)
  const wasDecided = words[Live.route] !== -1 || reason === 'no-route' || isBarred(record) || isRead
  if (!wasDecided) {
    const mostMs = Math.max(timeoutMs, peer.shake ? SHAKES_MOST_MS : READ_MOST_MS)
    if (reason !== 'worker-lost' && lasted > mostMs + lateMs)
      onBug(`${who}: was read from for ${lasted} ms of ${timeoutMs}`)
    return false
  }
  if (is !== 'whole') onBug(`${who}: its header was ${is}, and it was decided about`)
  if ((claims !== null) !== (words[Live.peerFamily] !== 0)) onBug(`${who}: somebody else is its client`)
  if (claims === null) return true
  const [from, to] = [nameIn(record.words, Live.client), nameIn(record.words, Live.destination)]
  if (textOf(from) !== nameText(claims.client)) onBug(`${who}: its client is ${from.address}`)
  if (textOf(to) !== nameText(claims.destination)) onBug(`${who}: its destination is ${to.address}`)
  return true
}

/** False where nothing was decided, for what it said first of itself. */
function checkOpening(
  { gateway, lateMs, onBug }: Scene,
  { reason, words, numbers }: Ended,
  { opening, said, script, asking, number }: Peer,
  who: string,
): boolean {
  const isRefused = reason === 'hello-timeout' || reason === 'hello-too-large' || reason === 'not-tls'
  if (opening === null) {
    if (isRefused) onBug(`${who}: nothing was asked of it`)
    return true
  }
  const {
    scopes,
    reads,
    readTimeoutMs = 0,
  } = gateway.plans[words[Live.generation] - 1].listeners[words[Live.listener]]
  const takesPlain = !asking?.hasAsked && scopes.some(each => each.takes?.plain)
  const lasted = numbers[Live.endedMs / 2] - numbers[Live.acceptedMs / 2]
  const isWhole = opening.is === 'whole' && said >= opening.bytes.length
  // Fewer bytes may be the beginning of a request for TLS, or of an old hello (highest bit set).
  const leastBytes = reads === 'postgres' ? 8 : (number & 0x80) !== 0 ? 5 : 1
  const isPlain = opening.is === 'none' && said >= leastBytes
  if (reason === 'hello-too-large' && opening.is !== 'large') onBug(`${who}: its hello was short enough`)
  if (reason === 'hello-timeout' && lasted < readTimeoutMs - 1) onBug(`${who}: after ${lasted} ms`)
  if (reason === 'not-tls' && takesPlain && (isPlain || script.says === 0)) onBug(`${who}: it may be plain`)
  if (words[Live.route] === -1 && reason !== 'no-route' && !isBarred({ reason, words })) {
    if (reason !== 'worker-lost' && lasted > readTimeoutMs + lateMs)
      onBug(`${who}: was read from for ${lasted} ms of ${readTimeoutMs}`)
    return false
  }
  if (asking?.hasAsked && opening.is === 'none') onBug(`${who}: it asked for TLS, and did not begin it`)
  // Who has said nothing may have meant to: it is plain, where that is taken.
  const wasSilent = takesPlain && lasted >= readTimeoutMs - 1
  const hasEnded = takesPlain && said === 0
  if (opening.is === 'cut' || opening.is === 'large') {
    if (!wasSilent && !hasEnded) onBug(`${who}: its hello was ${opening.is}, and it was decided about`)
    return false
  }
  return isWhole || isPlain || opening.is === 'none'
}

const textOf = ({ address, port }: { address: string; port: number }): string => `${address}:${port}`

/** An upstream is told who its client is, where that is wanted, and else nothing. */
function checkIntroduction(
  { gateway, servers, onBug }: Scene,
  record: Ended,
  client: Client,
  who: string,
): void {
  const { words } = record
  const server = servers.find(each => each.heardOf === client.peer.number)
  if (server === undefined) return
  const { opening, asking } = client.peer
  if (server.agreeing && server.agreeing.wasAsked !== (asking?.hasAsked === true))
    onBug(`${who}: its upstream was ${asking ? 'not ' : ''}asked for TLS`)
  if (Buffer.compare(server.heardHello, opening?.bytes ?? NOTHING) !== 0)
    onBug(`${who}: its upstream has heard another hello`)
  const { policy } = gateway.plans[words[Live.generation] - 1].clusters[words[Live.cluster]]
  const { header } = server
  if ((header?.version ?? 0) !== policy.proxyVersion)
    onBug(`${who}: version ${header?.version ?? 0} of a header, not ${policy.proxyVersion}`)
  if (header === null || header.says.clientFamily === 0) return
  const { says } = header
  const [from, to] = [nameIn(record.words, Live.client), nameIn(record.words, Live.destination)]
  const isRight =
    formatAddress(says.clientFamily as 4 | 6, says.client) === from.address &&
    says.clientPort === from.port &&
    formatAddress(says.destinationFamily as 4 | 6, says.destination) === to.address &&
    says.destinationPort === to.port
  if (!isRight) onBug(`${who}: its upstream was told of somebody else`)
}

/** Who says nothing to a request for TLS is waited for no longer than a connect may take. */
export function checkSilentServers({ gateway, servers, lateMs, onBug }: Scene): void {
  const longest = gateway.plans.flatMap(({ clusters }) => clusters.map(each => each.policy.connectTimeoutMs))
  const mostMs = Math.max(...longest) + lateMs
  for (const { number, agreeing, overMs } of servers)
    if (agreeing?.isRefusing && agreeing.answer === 'silent' && overMs > agreeing.askedMs + mostMs)
      onBug(`server ${number} was waited for over ${overMs - agreeing.askedMs} ms to agree to TLS`)
}
