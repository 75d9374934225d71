import { Live, LiveHead, liveAt, openConnections } from '../../src/stats/connections.ts'
import { REASON_NAMES, type ReasonName } from '../../src/stats/reasons.ts'
import { RecordReader } from '../../src/stats/records.ts'
import { Series, seriesAt, usedRows } from '../../src/stats/series.ts'
import { Counter, closedAt, openAt, sumCounter } from '../../src/stats/stats.ts'
import type { ReadsProxy } from '../../src/table/plan/plan.ts'
import { checkEarlyReset } from './early-resets.ts'
import type { Gateway } from './gateway.ts'
import type { Peer } from './peers.ts'
import { checkPlaces, checkSourceLimit } from './places.ts'
import { EXACT_ROUTE, EXACT_WEIGHTS } from './plans.ts'
import type { File } from './process.ts'
import { checkRoute, checkSilentServers, READ_MOST_MS } from './routes.ts'
import { checkSecured, SHAKES_MOST_MS } from './secured.ts'
import { checkFirstBytes, checkRefused, checkStalls, checkTimes, checkVanished, endpointOf } from './times.ts'

export type Client = {
  readonly peer: Peer
  readonly address: string
  readonly port: number
  /** The newest when it connected, and when that was. */
  readonly generation: number
  readonly connectedMs: number
  /** How many credentials there had been then. */
  readonly credentials: number
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
  /** Calls that set sockets up may fail. */
  readonly failsCalls: boolean
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
  checkFirstBytes(scene, records)
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
  checkSilentServers(scene)
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
  if (reason === 'endpoint-down' && downAt !== '' && endpointOf(words) !== downAt)
    onBug(`${who}: it went to ${endpointOf(words)}, and ${downAt} is down`)
  if (reason === 'drain' && !isOver && !gateway.told.has(number(Live.id)))
    onBug(`${who}: nobody wanted it closed`)
  gateway.removals?.check(scene, record, who)
  checkRefused(scene, record, who)
  checkVanished(scene, record, [peer, server], who)
  checkStalls(scene, record, peer, server, who)
  const isRead = peer.preface !== null || peer.opening !== null
  checkTimes(scene, record, peer.shake ? SHAKES_MOST_MS : isRead ? READ_MOST_MS : 0, who)
  checkSecured(scene, record, client, server, who)
  // Its request for TLS counts as bytes.
  if (!peer.asking) checkEarlyReset(scene, record, who)
  if (words[Live.generation] < 1 || words[Live.generation] > gateway.generation)
    onBug(`${who}: generation ${words[Live.generation]}`)
  else checkRoute(scene, record, client, who)
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
export function checkWaiting({ clients, servers, failsCalls, onBug }: Scene): void {
  if (servers.some(({ script, isOver }) => !isOver && (script.hears === 'nothing' || script.deafAt > 0)))
    return
  for (const { peer, port } of clients.values()) {
    const { ends, hears, after, deafAt } = peer.script
    if (peer.shake || servers.some(({ shake }) => shake)) continue
    if (peer.isOver || ends !== 'first' || hears === 'nothing' || after > 0 || deafAt > 0) continue
    const server = servers.find(each => each.heardOf === peer.number || each.number === peer.heardOf)
    // A call that failed may have been the one that has it probed.
    if (failsCalls && server !== undefined && server.vanishedMs > 0) continue
    if (server === undefined ? peer.script.says >= 4 : server.isWilling && !server.isBehind)
      onBug(`client ${port} waits for others`)
  }
}
