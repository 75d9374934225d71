/**
 * What has to hold, whatever the schedule. Some of it is checked where it happens (peers.ts: bytes;
 * process.ts: descriptors; pools.ts: buffers; kernel.ts: operations at the end); the rest is here.
 */

import { formatAddress } from '../../src/address/address.ts'
import { Live, LiveHead, liveAt, openConnections, Stage } from '../../src/stats/connections.ts'
import { REASON_NAMES, type ReasonName } from '../../src/stats/reasons.ts'
import { RecordReader } from '../../src/stats/records.ts'
import { Series, seriesAt, usedRows } from '../../src/stats/series.ts'
import { Counter, closedAt, openAt, sumCounter } from '../../src/stats/stats.ts'
import { naiveMatch } from '../support/naive-match.ts'
import type { Gateway } from './gateway.ts'
import type { Peer } from './peers.ts'
import { EXACT_ROUTE, EXACT_WEIGHTS } from './plans.ts'
import type { File } from './process.ts'

export type Client = {
  readonly peer: Peer
  readonly address: string
  readonly port: number
  readonly generation: number
}

export type Scene = {
  readonly gateway: Gateway
  /** By port of the client. */
  readonly clients: ReadonlyMap<number, Client>
  readonly servers: readonly Peer[]
  /** How many the kernel itself has sent away before they were accepted. */
  readonly aborted: number
  readonly files: readonly (File | null)[]
  /** What one direction may hold, whoever does not read. */
  readonly heldMost: number
  /** How late a deadline may be seen: threads stood still for so long. */
  readonly lateMs: number
  readonly onBug: (what: string) => void
}

type Record = {
  readonly reason: ReasonName
  readonly words: Int32Array
  readonly numbers: Float64Array
}

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
  const records = gateway.journals.flatMap(({ records }) => readRecords(records))
  checkCounts(scene, records)
  checkSeries(scene, records)
  for (const [fd, file] of scene.files.entries()) if (file) onBug(`descriptor ${fd} is open at the end`)
  const seen = new Map<number, Record>()
  const reasons = new Map<ReasonName, number>()
  for (const record of records) {
    reasons.set(record.reason, (reasons.get(record.reason) ?? 0) + 1)
    const port = record.words[Live.clientPort]
    if (record.words[Live.clientFamily] === 0) continue
    if (seen.has(port)) onBug(`client ${port} has ended twice`)
    seen.set(port, record)
    const client = scene.clients.get(port)
    if (client === undefined) onBug(`nobody is client ${port}`)
    else checkConnection(scene, record, client)
  }
  checkAccepted(scene, records, seen)
  checkPairs(scene)
  checkExact(scene, records)
  return reasons
}

function readRecords(buffer: SharedArrayBuffer): Record[] {
  const found: Record[] = []
  new RecordReader(buffer).drain((words, numbers, at) => {
    found.push({
      reason: REASON_NAMES[words[at + Live.reason]],
      words: words.slice(at, at + Live.WORDS),
      numbers: numbers.slice(at / 2, (at + Live.WORDS) / 2),
    })
  })
  return found
}

/** Who was accepted has ended, once, for one reason; nothing counts as open. */
function checkCounts({ gateway, onBug }: Scene, records: readonly Record[]): void {
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
function checkSeries({ gateway, onBug }: Scene, records: readonly Record[]): void {
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

function checkConnection(scene: Scene, record: Record, client: Client): void {
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
  } else if (
    peer.heardEnd &&
    !peer.isBroken &&
    server &&
    !server.isBroken &&
    server.saidEnd &&
    peer.heard < server.said
  )
    onBug(`${who}: a broken stream looks whole`)
  checkTimes(scene, record, who)
  if (words[Live.generation] < 1 || words[Live.generation] > gateway.generation)
    onBug(`${who}: generation ${words[Live.generation]}`)
  else checkRoute(scene, record, client, who)
}

function checkTimes(
  { gateway, lateMs, onBug }: Scene,
  { reason, words, numbers }: Record,
  who: string,
): void {
  const cluster = gateway.plans[words[Live.generation] - 1]?.clusters[words[Live.cluster]]
  if (cluster === undefined) return
  const { idleTimeoutMs, maxDurationMs } = cluster.policy
  const lasted = numbers[Live.endedMs / 2] - numbers[Live.acceptedMs / 2]
  const idle = numbers[Live.endedMs / 2] - numbers[Live.activeMs / 2]
  // What comes while it is being closed is still counted.
  if (reason === 'idle-timeout' && idle > CLOSING_MS && idle < idleTimeoutMs - 1)
    onBug(`${who}: after ${idle} ms of ${idleTimeoutMs}`)
  if (reason === 'max-duration' && lasted < maxDurationMs - 1)
    onBug(`${who}: after ${lasted} ms of ${maxDurationMs}`)
  if (maxDurationMs > 0 && reason !== 'worker-lost' && lasted > maxDurationMs + lateMs)
    onBug(`${who}: lasted ${lasted} ms of ${maxDurationMs}`)
  if (
    idleTimeoutMs > 0 &&
    reason !== 'worker-lost' &&
    words[Live.state] >= Stage.relaying &&
    idle > idleTimeoutMs + lateMs
  )
    onBug(`${who}: was idle for ${idle} ms of ${idleTimeoutMs}`)
}

/** The naive matcher, asked with the plan that was in force when it was accepted. */
function checkRoute({ gateway, onBug }: Scene, { reason, words }: Record, client: Client, who: string): void {
  if (reason === 'max-connections' || reason === 'accept-error' || words[Live.destinationFamily] === 0) return
  const plan = gateway.plans[words[Live.generation] - 1]
  const listener = plan.listeners[words[Live.listener]]
  const destination = formatAddress(4, words, Live.destination)
  const port = words[Live.destinationPort]
  const outcome = naiveMatch(plan, { gateway: listener.gateway, client: client.address, destination, port })
  const route = words[Live.route]
  if (outcome.listener !== words[Live.listener])
    onBug(`${who}: listener ${words[Live.listener]}, not ${outcome.listener}`)
  if (route !== outcome.route) onBug(`${who}: route ${route}, not ${outcome.route}`)
  const newest = gateway.plans.slice(words[Live.generation], client.generation)
  const isThere = newest.some(each =>
    each.listeners.some(other => other.port === listener.port && other.bind === listener.bind),
  )
  if (isThere)
    onBug(`${who}: decided by generation ${words[Live.generation]}, when ${client.generation} was there`)
  const cluster = words[Live.cluster]
  if (cluster < 0 || route < 0) return
  if (!plan.routes[route].destinations.some(each => each.cluster === cluster))
    onBug(`${who}: cluster ${cluster} is none of route ${route}`)
  const address = formatAddress(4, words, Live.endpointAddress)
  const isEndpoint = plan.clusters[cluster].endpoints.some(
    each => each.address === address && each.port === words[Live.endpointPort],
  )
  if (words[Live.endpointFamily] !== 0 && !isEndpoint)
    onBug(`${who}: ${address} is no endpoint of cluster ${cluster}`)
}

/**
 * Nobody who was let in by a listener is forgotten; who resets early may be nobody in particular.
 */
function checkAccepted(
  { gateway, clients, aborted, onBug }: Scene,
  records: readonly Record[],
  seen: ReadonlyMap<number, Record>,
): void {
  if (gateway.deaths > 0) return
  const nameless = records.filter(({ words }) => words[Live.clientFamily] === 0).length
  const forgotten = [...clients.keys()].filter(port => !seen.has(port))
  if (forgotten.length > nameless + aborted) onBug(`clients ${forgotten.join(', ')} were never accepted`)
}

/** Two that hear of each other hear of nobody else. */
function checkPairs({ clients, servers, onBug }: Scene): void {
  const byNumber = new Map(
    [...servers, ...[...clients.values()].map(({ peer }) => peer)].map(peer => [peer.number, peer]),
  )
  const heardOf = new Map<number, number>()
  for (const peer of byNumber.values()) {
    if (peer.heard < 4) continue
    const other = byNumber.get(peer.heardOf)
    if (other === undefined) onBug(`peer ${peer.number} heard of nobody (${peer.heardOf})`)
    else if (peer.heardEnd && !other.saidEnd)
      onBug(`peer ${peer.number} heard an end that ${other.number} never said`)
    else if (other.heard >= 4 && other.heardOf !== peer.number)
      onBug(`peer ${peer.number} hears ${peer.heardOf}, who hears ${other.heardOf}`)
    if (heardOf.has(peer.heardOf))
      onBug(`peers ${peer.number} and ${heardOf.get(peer.heardOf)} both hear ${peer.heardOf}`)
    heardOf.set(peer.heardOf, peer.number)
  }
}

/** Of the exact split each destination has its share, to within one connection. */
function checkExact({ gateway, onBug }: Scene, records: readonly Record[]): void {
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
