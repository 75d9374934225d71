/**
 * What has to hold, whatever the schedule. Some of it is checked where it happens (peers.ts: bytes;
 * process.ts: descriptors; pools.ts: buffers; kernel.ts: operations at the end); the rest is here.
 */

import { formatAddress, formatEndpoint } from '../../src/address/address.ts'
import { Flags, Live, LiveHead, liveAt, openConnections, Stage } from '../../src/stats/connections.ts'
import { REASON_NAMES, type ReasonName } from '../../src/stats/reasons.ts'
import { RecordReader } from '../../src/stats/records.ts'
import { Series, seriesAt, usedRows } from '../../src/stats/series.ts'
import { Counter, closedAt, openAt, sumCounter } from '../../src/stats/stats.ts'
import type { Listener, ReadsProxy } from '../../src/table/plan/plan.ts'
import { naiveMatch } from '../support/naive-match.ts'
import type { Gateway } from './gateway.ts'
import { nameIn, nameText } from './names.ts'
import type { Peer } from './peers.ts'
import { checkPlaces, checkPolicies, checkSourceLimit, isBarred } from './places.ts'
import { EXACT_ROUTE, EXACT_WEIGHTS } from './plans.ts'
import type { File } from './process.ts'
import { isSender, type Preface } from './senders.ts'
import type { Version } from './tables.ts'

export type Client = {
  readonly peer: Peer
  readonly address: string
  readonly port: number
  /** The newest when it connected, and when that was. */
  readonly generation: number
  readonly connectedMs: number
}

export type Scene = {
  readonly gateway: Gateway
  /** By port of the client. */
  readonly clients: ReadonlyMap<number, Client>
  readonly servers: readonly Peer[]
  /** By port: listeners behind load balancers. */
  readonly proxied: ReadonlyMap<number, ReadsProxy>
  /** Descriptors never run out. */
  readonly hasFiles: boolean
  /** How many the kernel itself has sent away before they were accepted. */
  readonly aborted: number
  readonly files: readonly (File | null)[]
  /** The kernel may give peers up, and connects fail, of itself. */
  readonly isLossy: boolean
  readonly failsConnects: boolean
  /** What one direction may hold, whoever does not read. */
  readonly heldMost: number
  /** How late a deadline may be seen: threads stood still for so long. */
  readonly lateMs: number
  /** For how long bytes may come of which no record tells. */
  readonly unseenMs: number
  readonly onBug: (what: string) => void
}

export type Ended = {
  /** Whose it was. */
  readonly worker: number
  readonly reason: ReasonName
  readonly words: Int32Array
  readonly numbers: Float64Array
}

/** What a client is read from for, at most (plans.ts). */
const READ_MOST_MS = 700
const NOTHING = new Uint8Array(0)
/** A reset takes no longer. */
const CLOSING_MS = 60

const IN_ORDER: ReadonlySet<string> = new Set(['client-closed', 'upstream-closed'])

/** Bytes that a direction holds, while it is open. */
export function checkHeld({ gateway, heldMost, onBug }: Scene): void {
  for (const { connections } of gateway.journals) {
    const { words, numbers } = openConnections(connections)
    for (let row = 0; row < words[LiveHead.used]; row++) {
      const at = liveAt(row)
      if (words[at + Live.state] === 0) continue
      const held = Math.max(
        numbers[(at + Live.fromClient) / 2] - numbers[(at + Live.toUpstream) / 2],
        numbers[(at + Live.fromUpstream) / 2] - numbers[(at + Live.toClient) / 2],
      )
      if (held > heldMost) onBug(`a direction holds ${held} bytes`)
    }
  }
}

/** After the last worker has ended. */
export function checkEnd(scene: Scene): Map<ReasonName, number> {
  const { gateway, onBug } = scene
  const records = gateway.journals.flatMap(({ records }, worker) => readRecords(records, worker))
  checkCounts(scene, records)
  checkSeries(scene, records)
  for (const [fd, file] of scene.files.entries()) if (file) onBug(`descriptor ${fd} is open at the end`)
  const seen = new Map<number, Ended>()
  const reasons = new Map<ReasonName, number>()
  for (const record of records) {
    reasons.set(record.reason, (reasons.get(record.reason) ?? 0) + 1)
    const isBehind = record.words[Live.peerFamily] !== 0
    const port = record.words[isBehind ? Live.peerPort : Live.clientPort]
    if (record.words[Live.clientFamily] === 0) continue
    if (seen.has(port)) onBug(`client ${port} has ended twice`)
    seen.set(port, record)
    const client = scene.clients.get(port)
    if (client === undefined) onBug(`nobody is client ${port}`)
    else {
      checkConnection(scene, record, client)
      checkSourceLimit(scene, record, records, `client ${port} (source-limit)`)
    }
  }
  checkPlaces(scene)
  checkAccepted(scene, records, seen)
  checkPairs(scene)
  checkExact(scene, records)
  return reasons
}

function readRecords(buffer: SharedArrayBuffer, worker: number): Ended[] {
  const found: Ended[] = []
  new RecordReader(buffer).drain((words, numbers, at) => {
    found.push({
      worker,
      reason: REASON_NAMES[words[at + Live.reason]],
      words: words.slice(at, at + Live.WORDS),
      numbers: numbers.slice(at / 2, (at + Live.WORDS) / 2),
    })
  })
  return found
}

/** Who was accepted has ended, once, for one reason; nothing counts as open. */
function checkCounts({ gateway, onBug }: Scene, records: readonly Ended[]): void {
  const { stats } = gateway
  const accepted = sumCounter(stats, Counter.accepted)
  if (sumCounter(stats, Counter.open) !== 0) onBug('something counts as open at the end')
  if (records.length !== accepted) onBug(`${accepted} were accepted, ${records.length} have ended`)
  for (const [reason, name] of REASON_NAMES.entries()) {
    const ended = records.filter(record => record.reason === name).length
    if (sumCounter(stats, closedAt(reason)) !== ended)
      onBug(`${name} is counted ${sumCounter(stats, closedAt(reason))} times, and was ${ended}`)
  }
  for (let worker = 0; worker < stats.workers; worker++)
    for (let slot = openAt(worker, 0), end = slot + gateway.slotCount; slot < end; slot++)
      if (stats.words[slot] !== 0) onBug(`worker ${worker} counts ${stats.words[slot]} open for a slot`)
  const bytes = (field: number) => records.reduce((sum, { numbers }) => sum + numbers[field / 2], 0)
  for (const [counter, field] of [
    [Counter.clientBytes, Live.fromClient],
    [Counter.upstreamBytes, Live.fromUpstream],
  ])
    if (sumCounter(stats, counter) !== bytes(field))
      onBug(`${sumCounter(stats, counter)} bytes are counted, ${bytes(field)} were moved`)
}

/** Series add up to the same. */
function checkSeries({ gateway, onBug }: Scene, records: readonly Ended[]): void {
  let received = 0
  for (const { series } of gateway.journals) {
    const words = new Int32Array(series)
    const numbers = new Float64Array(series)
    for (let row = 0; row < usedRows(words); row++) {
      const at = seriesAt(row) / 2
      const open =
        numbers[at + Series.opened / 2] - numbers[at + Series.closed / 2] - numbers[at + Series.moved / 2]
      if (open !== 0) onBug(`a series has ${open} open at the end`)
      received += numbers[at + Series.received / 2]
    }
  }
  const moved = records.reduce((sum, { numbers }) => sum + numbers[Live.fromClient / 2], 0)
  if (received !== moved) onBug(`series have ${received} bytes of clients, connections ${moved}`)
}

function checkConnection(scene: Scene, record: Ended, client: Client): void {
  const { onBug, gateway } = scene
  const { words, numbers, reason } = record
  const { peer } = client
  const number = (field: number) => numbers[field / 2]
  const who = `client ${client.port} (${reason})`
  if (number(Live.fromClient) > peer.said) onBug(`${who}: more came than was said`)
  if (number(Live.toUpstream) > number(Live.fromClient)) onBug(`${who}: more went than came`)
  if (number(Live.toClient) > number(Live.fromUpstream)) onBug(`${who}: more went back than came`)
  if (peer.heard > number(Live.toClient) && reason !== 'worker-lost')
    onBug(`${who}: it heard more than was sent`)
  const server = scene.servers.find(each => each.heardOf === peer.number)
  if (server && server.heard > number(Live.toUpstream) && reason !== 'worker-lost')
    onBug(`${who}: its server heard more than was sent`)
  if (IN_ORDER.has(reason)) {
    if (number(Live.fromClient) !== number(Live.toUpstream)) onBug(`${who}: bytes of the client are missing`)
    if (number(Live.fromUpstream) !== number(Live.toClient))
      onBug(`${who}: bytes of the upstream are missing`)
    const isWhole = !peer.isBroken && peer.heardEnd
    if (isWhole && peer.heard !== number(Live.toClient))
      onBug(`${who}: it heard ${peer.heard} of ${number(Live.toClient)}`)
    if (server?.heardEnd && !server.isBroken && server.heard !== peer.said)
      onBug(`${who}: its server heard ${server.heard} of ${peer.said}`)
    if (!scene.isLossy)
      for (const each of [peer, ...(server ? [server] : [])])
        if (each.isBroken && !each.hasReset) onBug(`${who}: peer ${each.number} was reset all the same`)
  } else if (
    peer.heardEnd &&
    !peer.isBroken &&
    server &&
    !server.isBroken &&
    server.saidEnd &&
    peer.heard < server.said
  )
    onBug(`${who}: a broken stream looks whole`)
  const isOver = number(Live.endedMs) >= gateway.endingMs
  const downAt = gateway.health?.closing.get(number(Live.id))
  if (reason === 'endpoint-down' && endpointOf(words) !== downAt)
    onBug(`${who}: it went to ${endpointOf(words)}, and ${downAt} is down`)
  if (reason === 'drain' && !isOver && !gateway.told.has(number(Live.id)))
    onBug(`${who}: nobody wanted it closed`)
  checkRefused(scene, record, who)
  checkTimes(scene, record, peer.preface === null && peer.opening === null ? 0 : READ_MOST_MS, who)
  if (words[Live.generation] < 1 || words[Live.generation] > gateway.generation)
    onBug(`${who}: generation ${words[Live.generation]}`)
  else checkRoute(scene, record, client, who)
}

const endpointOf = (words: Int32Array): string => {
  const { address, port } = nameIn(words, Live.endpointAddress)
  return formatEndpoint(address, port)
}

/** Whoever came to a destination and found no endpoint there. */
function checkRefused({ gateway }: Scene, { words, numbers, reason }: Ended, who: string): void {
  const [acceptedMs, endedMs] = [numbers[Live.acceptedMs / 2], numbers[Live.endedMs / 2]]
  if (reason !== 'no-endpoint' || acceptedMs !== endedMs) return
  const own = gateway.versions.filter(each => each.generation === words[Live.generation])
  const last = own.findLastIndex(each => each.sinceMs < endedMs)
  const plans = own.filter((each, index) => index >= last && each.sinceMs <= endedMs).map(each => each.plan)
  gateway.dials.checkRefused(plans, words[Live.cluster], endedMs, who)
}

function checkTimes(
  { gateway, lateMs, unseenMs, failsConnects, onBug }: Scene,
  { reason, words, numbers }: Ended,
  readMs: number,
  who: string,
): void {
  const cluster = gateway.plans[words[Live.generation] - 1]?.clusters[words[Live.cluster]]
  if (cluster === undefined) return
  const { idleTimeoutMs, maxDurationMs, connectTimeoutMs, connectDeadlineMs, writeTimeoutMs } = cluster.policy
  const lasted = numbers[Live.endedMs / 2] - numbers[Live.acceptedMs / 2]
  const idle = numbers[Live.endedMs / 2] - numbers[Live.activeMs / 2]
  const leastMs = Math.min(connectTimeoutMs, connectDeadlineMs)
  if (reason === 'connect-timeout' && !failsConnects && lasted < leastMs - 1)
    onBug(`${who}: after ${lasted} ms of ${leastMs}`)
  if (reason.startsWith('connect-') && lasted > connectDeadlineMs + readMs + lateMs)
    onBug(`${who}: ${reason} after ${lasted} ms of ${connectDeadlineMs}`)
  // What comes while it is being closed is still counted, and its thread may stand still meanwhile.
  if (reason === 'idle-timeout' && idle > CLOSING_MS + lateMs && idle < idleTimeoutMs - 1)
    onBug(`${who}: after ${idle} ms of ${idleTimeoutMs}`)
  if (reason.endsWith('-stalled') && (writeTimeoutMs === 0 || lasted < writeTimeoutMs - 1))
    onBug(`${who}: ${reason} after ${lasted} ms of ${writeTimeoutMs}`)
  if (reason === 'max-duration' && lasted < maxDurationMs - 1)
    onBug(`${who}: after ${lasted} ms of ${maxDurationMs}`)
  const longestMs = Math.max(maxDurationMs, readMs) + lateMs // as long as it is read from, it has none
  if (maxDurationMs > 0 && reason !== 'worker-lost' && lasted > longestMs)
    onBug(`${who}: lasted ${lasted} ms of ${maxDurationMs}`)
  if (
    idleTimeoutMs > 0 &&
    reason !== 'worker-lost' &&
    words[Live.state] >= Stage.relaying &&
    idle > idleTimeoutMs + lateMs + unseenMs
  )
    onBug(`${who}: was idle for ${idle} ms of ${idleTimeoutMs}`)
}

/** The naive matcher, asked with what was in force between connect and decision. */
function checkRoute(scene: Scene, record: Ended, client: Client, who: string): void {
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
  if (!checkOpening(scene, record, client.peer, who)) return
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
    serverName: client.peer.opening?.name ?? '',
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
function takenFor({ words, numbers }: Ended, { opening }: Peer, listener: Listener): boolean[] {
  if (opening?.is !== 'whole') return [false]
  const lasted = numbers[Live.endedMs / 2] - numbers[Live.acceptedMs / 2]
  const mayBePlain =
    listener.scopes.some(each => each.takes?.plain) && lasted >= (listener.readTimeoutMs ?? 0) - 1
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
  const isRead = reason === 'hello-timeout' || reason === 'hello-too-large' || reason === 'not-tls'
  const wasDecided = words[Live.route] !== -1 || reason === 'no-route' || isBarred(record) || isRead
  if (!wasDecided) {
    if (reason !== 'worker-lost' && lasted > Math.max(timeoutMs, READ_MOST_MS) + lateMs)
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
  { opening, said, script }: Peer,
  who: string,
): boolean {
  const isRefused = reason === 'hello-timeout' || reason === 'hello-too-large' || reason === 'not-tls'
  if (opening === null) {
    if (isRefused) onBug(`${who}: nothing was asked of it`)
    return true
  }
  const { scopes, readTimeoutMs = 0 } =
    gateway.plans[words[Live.generation] - 1].listeners[words[Live.listener]]
  const takesPlain = scopes.some(each => each.takes?.plain)
  const lasted = numbers[Live.endedMs / 2] - numbers[Live.acceptedMs / 2]
  const isWhole = opening.is === 'whole' && said >= opening.bytes.length
  const isPlain = opening.is === 'none' && said > 0
  if (reason === 'hello-too-large' && opening.is !== 'large') onBug(`${who}: its hello was short enough`)
  if (reason === 'hello-timeout' && lasted < readTimeoutMs - 1) onBug(`${who}: after ${lasted} ms`)
  if (reason === 'not-tls' && takesPlain && (isPlain || script.says === 0)) onBug(`${who}: it may be plain`)
  if (words[Live.route] === -1 && reason !== 'no-route' && !isBarred({ reason })) {
    if (reason !== 'worker-lost' && lasted > readTimeoutMs + lateMs)
      onBug(`${who}: was read from for ${lasted} ms of ${readTimeoutMs}`)
    return false
  }
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
  const { opening } = client.peer
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

/**
 * Nobody who was let in by a listener is forgotten; who resets early may be nobody in particular.
 */
function checkAccepted(
  { gateway, clients, aborted, hasFiles, onBug }: Scene,
  records: readonly Ended[],
  seen: ReadonlyMap<number, Ended>,
): void {
  const nameless = records.filter(({ words }) => words[Live.clientFamily] === 0)
  const lost = nameless.filter(({ reason }) => reason === 'accept-error').length
  if (lost > 0 && hasFiles) onBug(`${lost} were not accepted, though there were descriptors`)
  if (gateway.deaths > 0) return
  const forgotten = [...clients.keys()].filter(port => !seen.has(port))
  if (forgotten.length > nameless.length + aborted)
    onBug(`clients ${forgotten.join(', ')} were never accepted`)
}

/** Two that hear of each other hear of nobody else. */
function checkPairs({ clients, servers, onBug }: Scene): void {
  const byNumber = new Map(
    [...servers, ...[...clients.values()].map(({ peer }) => peer)].map(peer => [peer.number, peer]),
  )
  const heardOf = new Map<number, number>()
  for (const peer of byNumber.values()) {
    if (peer.heardPlain < 4) continue
    const other = byNumber.get(peer.heardOf)
    if (other === undefined) onBug(`peer ${peer.number} heard of nobody (${peer.heardOf})`)
    else if (peer.heardEnd && !other.saidEnd)
      onBug(`peer ${peer.number} heard an end that ${other.number} never said`)
    else if (other.heardPlain >= 4 && other.heardOf !== peer.number)
      onBug(`peer ${peer.number} hears ${peer.heardOf}, who hears ${other.heardOf}`)
    if (heardOf.has(peer.heardOf))
      onBug(`peers ${peer.number} and ${heardOf.get(peer.heardOf)} both hear ${peer.heardOf}`)
    heardOf.set(peer.heardOf, peer.number)
  }
}

/** Of the exact split each destination has its share, to within one connection. */
function checkExact({ gateway, onBug }: Scene, records: readonly Ended[]): void {
  if (gateway.deaths > 0) return
  const drawn = records.filter(({ words }) => words[Live.route] === EXACT_ROUTE && words[Live.cluster] >= 0)
  const total = EXACT_WEIGHTS.reduce((sum, weight) => sum + weight, 0)
  for (const [cluster, weight] of EXACT_WEIGHTS.entries()) {
    const share = (drawn.length * weight) / total
    const got = drawn.filter(({ words }) => words[Live.cluster] === cluster).length
    if (Math.abs(got - share) >= 1)
      onBug(`${got} of ${drawn.length} went to a destination with ${weight} of ${total}`)
  }
}

/** Who ends by itself, and whose server does, has ended, although others stand still. */
export function checkWaiting({ clients, servers, onBug }: Scene): void {
  if (servers.some(({ script, isOver }) => !isOver && (script.hears === 'nothing' || script.deafAt > 0)))
    return
  for (const { peer, port } of clients.values()) {
    const { ends, hears, after, deafAt } = peer.script
    if (peer.isOver || ends !== 'first' || hears === 'nothing' || after > 0 || deafAt > 0) continue
    const server = servers.find(each => each.heardOf === peer.number || each.number === peer.heardOf)
    if (server === undefined ? peer.script.says >= 4 : server.isWilling && !server.isBehind)
      onBug(`client ${port} waits for others`)
  }
}
