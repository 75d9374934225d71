/**
 * Who is dialed, and who may be: each connect that a worker asks its kernel for, and each that
 * completes, is held against a naive model of rotation.
 *
 *   in rotation: neither drained, nor down, nor ejected      all but the drained ones, in a panic
 *
 * Checked where it happens: an endpoint out of rotation is not dialed; none is dialed twice for a
 * connection; a connection that another endpoint could have taken is not given up. At the end: who
 * ended without an endpoint had none.
 */

import { type Family, formatAddress, formatEndpoint } from '../../src/address/address.ts'
import { isReset } from '../../src/engine/decide/failures.ts'
import { Errno, errnoName } from '../../src/kernel/errno.ts'
import { slotOf } from '../../src/kernel/user-data.ts'
import { Live, liveAt, openConnections } from '../../src/stats/connections.ts'
import type { JournalMemory } from '../../src/stats/journal-memory.ts'
import { Outlier } from '../../src/stats/outliers.ts'
import { Counter, type Stats, sumOpen } from '../../src/stats/stats.ts'
import type { Cluster, Endpoint, Plan } from '../../src/table/plan/plan.ts'
import type { Arrivals } from './arrivals.ts'
import type { Clock } from './clock.ts'
import { Keepers } from './keepers.ts'
import { NaiveEjection } from './naive-ejection.ts'
import type { Name } from './names.ts'
import { OWN_ADDRESSES } from './plans.ts'
import { TurnsTaken, takesTurns, wrongPriority } from './shares.ts'
import { Spans } from './spans.ts'
import type { Version } from './tables.ts'
import { WarmShares } from './warmth.ts'

/** A connect that was called back counts if it had so much time (attempts.ts). */
const TELLING_MS = 1000

type Dialing = {
  /** Of its connection. */
  readonly id: number
  readonly cluster: Cluster
  readonly client: string
  readonly beganMs: number
  /** Whether the cluster is known to be that of the table that decided. */
  readonly isCertain: boolean
  /** And whether that is the newest, at each of its dials. */
  isNewest: boolean
  readonly tried: Endpoint[]
  allowedMs: number
}

type Completed = {
  readonly word: number
  readonly result: number
  readonly failures: number
  readonly connects: number
}

type Options = {
  readonly clock: Clock
  readonly stats: Stats
  readonly journals: readonly JournalMemory[]
  readonly versions: readonly Version[]
  /** Of an identity; 0: it has none. */
  readonly slotOf: (identity: string) => number
  /** There is always a descriptor to dial with. */
  readonly hasFiles: boolean
  /** Endpoints take turns, and none of them is watched. */
  readonly hasTurns: boolean
  readonly arrivals: Arrivals
  readonly onBug: (what: string) => void
}

const textOf = ({ address, port }: Endpoint): string => formatEndpoint(address, port)

const isHashed = ({ policy: { balance } }: Cluster): boolean =>
  balance === 'RING_HASH' || balance === 'MAGLEV'

export class Dials {
  readonly ejection = new NaiveEjection()
  /** By address and port, what the main thread has said of it. */
  readonly drained = new Spans()
  readonly down = new Spans()
  readonly #options: Options
  readonly #keepers = new Keepers()
  readonly #turns = new TurnsTaken()
  readonly #warm: WarmShares
  readonly #tookMs = new Map<string, number[]>()
  /** By worker and word. */
  readonly #dialing = new Map<string, Dialing>()
  /** By worker: what its kernel has handed it last, and it is dealing with. */
  readonly #completed: (Completed | null)[] = []

  constructor(options: Options) {
    this.#options = options
    this.#warm = new WarmShares(options.arrivals)
  }

  /** A worker asks for a connect. */
  began(worker: number, word: number, name: Name): void {
    this.settle(worker, word)
    const { clock, journals, versions } = this.#options
    const { words, numbers } = openConnections(journals[worker].connections)
    const at = liveAt(slotOf(word))
    const version = versions.findLast(each => each.generation === words[at + Live.generation])
    const cluster = version?.plan.clusters[words[at + Live.cluster]]
    if (version === undefined || cluster === undefined) return
    const acceptedMs = numbers[(at + Live.acceptedMs) / 2]
    // Who is read from is decided by what was there at accept, if a revision came meanwhile.
    const { reads, proxyProtocol } = version.plan.listeners[words[at + Live.listener]] ?? {}
    const isRead = reads !== undefined || proxyProtocol !== undefined
    const isCertain = (acceptedMs === clock.nowMs && !isRead) || version.sinceMs < acceptedMs
    // Marks of ejection are kept for who the newest table has.
    const isNewest = versions.at(-1)?.generation === version.generation
    const id = numbers[(at + Live.id) / 2]
    const known = this.#dialing.get(`${worker} ${word}`)
    const client = formatAddress(words[at + Live.clientFamily] === 6 ? 6 : 4, words, at + Live.client)
    const when = { beganMs: clock.nowMs, isCertain, isNewest }
    const fresh = { id, cluster, client, ...when, tried: [], allowedMs: 0 }
    const dialing: Dialing = known?.id === id ? known : fresh
    dialing.isNewest &&= isNewest
    this.#dialing.set(`${worker} ${word}`, dialing)
    this.#draw(dialing, {
      address: formatAddress(name.family as Family, name.words),
      port: name.port,
      weight: 1,
    })
  }

  /** A worker is handed the result of a connect. */
  completed(worker: number, word: number, result: number): void {
    const counters = this.#options.stats.counters[worker]
    const [failures, connects] = [counters[Counter.dialFailures], counters[Counter.dialsConnected]]
    this.#completed[worker] = { word, result, failures, connects }
  }

  /** The worker is done with the last completion, or dials anew because of it. */
  settle(worker: number, dialedAnew = -1): void {
    const completed = this.#completed[worker] ?? null
    if (completed === null) return
    this.#completed[worker] = null
    const { clock, stats } = this.#options
    const { word, result, failures, connects } = completed
    const dialing = this.#dialing.get(`${worker} ${word}`)
    if (dialing === undefined) return
    const { cluster, tried } = dialing
    const endpoint = tried[tried.length - 1]
    const hasFailed = stats.counters[worker][Counter.dialFailures] - failures
    const hasConnected = stats.counters[worker][Counter.dialsConnected] - connects
    if (hasFailed + hasConnected > 1) this.#options.onBug(`a connect to ${textOf(endpoint)} counts twice`)
    if (hasConnected > 0 && result < 0 && !isReset(errnoName(result)))
      this.#options.onBug(`a connect to ${textOf(endpoint)} has failed, and counts as connected`)
    if (hasConnected > 0) this.ejection.connected(cluster, endpoint)
    if (hasFailed > 0 && !this.#hadNoTime(dialing, result))
      this.ejection.failed(cluster, endpoint, clock.nowMs)
    // Its handshake may still fail, and another endpoint may be tried.
    const isShaking = result >= 0 && cluster.tls !== undefined && hasFailed + hasConnected === 0
    if (word === dialedAnew || isShaking) return
    if (hasConnected > 0) return // it may reset before a byte, and another endpoint is dialed
    this.#dialing.delete(`${worker} ${word}`)
    if (hasFailed > 0) this.#checkGivenUp(dialing)
  }

  /** Its connections are gone. */
  forget(worker: number): void {
    this.#completed[worker] = null
    for (const key of this.#dialing.keys()) if (key.startsWith(`${worker} `)) this.#dialing.delete(key)
  }

  /** A send to a side of a connection has completed. */
  took(worker: number, word: number): void {
    const { clock, journals } = this.#options
    const id = openConnections(journals[worker].connections).numbers[(liveAt(slotOf(word)) + Live.id) / 2]
    const key = `${id} ${word & 1}`
    this.#tookMs.set(key, [...(this.#tookMs.get(key) ?? []), clock.nowMs])
  }

  /** When a side of a connection last took bytes before a time; 0: never. */
  tookMs(id: number, side: number, beforeMs: number): number {
    return this.#tookMs.get(`${id} ${side}`)?.findLast(each => each < beforeMs) ?? 0
  }

  /** What the workers have written down of each endpoint is what the model says. */
  check(): void {
    const { stats, slotOf, onBug } = this.#options
    const { words, numbers } = stats.outliers
    for (const [name, member] of this.ejection.members) {
      const at = slotOf(name) * Outlier.WORDS
      if (at === 0) continue
      const { failures, gatewayFailures, ejections, prevented } = member
      const has = ['failures', 'gatewayFailures', 'ejections', 'prevented'] as const
      const written = has.map(field => words[at + Outlier[field]])
      const untilMs = numbers[(at + Outlier.untilMs) / 2]
      if (String(written) !== String([failures, gatewayFailures, ejections, prevented]))
        onBug(`${name}: ${has} are ${written}, not ${[failures, gatewayFailures, ejections, prevented]}`)
      if (untilMs !== member.untilMs) onBug(`${name}: it is out until ${untilMs}, not ${member.untilMs}`)
    }
  }

  /**
   * It had no endpoint when it came, by each plan that may have decided about it: nor had another
   * destination that gets the share of one that is down.
   */
  checkRefused(plans: readonly Plan[], route: number, cluster: number, atMs: number, who: string): void {
    const hasOne = (plan: Plan, of: number): boolean => {
      const { kind, endpoints, policy } = plan.clusters[of]
      if (kind === 'unknown') return false // which stays a mistake, whatever it has
      const isDrained = (each: Endpoint) => this.drained.touches(textOf(each), atMs)
      const isIn = (each: Endpoint) =>
        !isDrained(each) &&
        !this.down.touches(textOf(each), atMs) &&
        !this.ejection.wasOut(plan.clusters[of], each, atMs)
      const panics = (policy.ejection?.minHealthPercent ?? 0) > 0
      return endpoints.some(each => isIn(each) || (panics && !isDrained(each)))
    }
    const hadOne = plans.every(plan => {
      const { onDead, destinations } = plan.routes[route]
      const others = onDead === 'redistribute' ? destinations.map(each => each.cluster) : []
      return [cluster, ...others].some(each => hasOne(plan, each))
    })
    if (hadOne) this.#options.onBug(`${who}: there was an endpoint`)
  }

  #draw(dialing: Dialing, drawn: Endpoint): void {
    const { clock, onBug } = this.#options
    const { cluster, beganMs, tried, isCertain } = dialing
    const { connectTimeoutMs, connectDeadlineMs } = cluster.policy
    const text = textOf(drawn)
    const candidates = isCertain ? this.#candidates(dialing) : []
    if (isCertain && !candidates.some(each => textOf(each) === text))
      onBug(`${cluster.host}: ${text} is dialed, ${this.#why(dialing, drawn)}`)
    if (isCertain && dialing.isNewest && isHashed(cluster)) {
      const wrong = this.#keepers.chose(cluster, dialing.client, candidates, drawn)
      if (wrong !== '') onBug(`${cluster.host}: ${wrong}`)
    }
    if (tried.length === 0) this.#checkShare(dialing, drawn)
    tried.push(drawn)
    dialing.allowedMs = Math.min(connectTimeoutMs, Math.ceil(beganMs + connectDeadlineMs - clock.nowMs))
  }

  /** The first draw of a connection. */
  #checkShare(dialing: Dialing, drawn: Endpoint): void {
    const { cluster, isCertain, isNewest } = dialing
    const { hasFiles, hasTurns, onBug } = this.#options
    if (!isCertain) this.#turns.forget()
    else if (hasTurns && hasFiles && takesTurns(cluster)) {
      const wrong = this.#turns.drew(cluster, drawn)
      if (wrong !== '') onBug(`${cluster.host}: ${wrong}`)
    }
    this.#checkWarmth(dialing, drawn)
    if (!isCertain || !isNewest) return
    const usable = cluster.endpoints.filter(each => !this.#isDrained(each))
    const rotating = usable.filter(each => !this.#isOut(cluster, each))
    const wrong = wrongPriority(cluster, usable, rotating, drawn)
    if (wrong !== '') onBug(`${cluster.host}: ${wrong}`)
  }

  #checkWarmth({ cluster, isCertain, isNewest }: Dialing, drawn: Endpoint): void {
    const { clock, stats, slotOf, hasFiles, onBug } = this.#options
    const slotsOf = ({ address, port }: Endpoint): number => slotOf(`endpoint ${address} ${port}`)
    const openOf = (each: Endpoint): number =>
      sumOpen(stats, slotsOf(each)) - (textOf(each) === textOf(drawn) ? 1 : 0)
    if (!isCertain || !isNewest || !hasFiles) this.#warm.forget()
    else {
      const well = cluster.endpoints.filter(each => stats.marks[slotsOf(each)] === 0)
      const wrong = this.#warm.drew(cluster, well, textOf(drawn), clock.nowMs, openOf)
      if (wrong !== '') onBug(`${cluster.host}: ${wrong}`)
    }
  }

  /** Whom the connection may go to now. */
  #candidates({ cluster, tried, isNewest }: Dialing): Endpoint[] {
    const { endpoints, policy } = cluster
    const usable = endpoints.filter(each => !this.#isDrained(each))
    const rotating = isNewest ? usable.filter(each => !this.#isOut(cluster, each)) : usable
    const leastPercent = policy.ejection?.minHealthPercent ?? 0
    const panics = leastPercent > 0 && 100 * rotating.length < leastPercent * usable.length
    const left = tried.map(textOf)
    return (panics ? usable : rotating).filter(each => {
      const at = left.indexOf(textOf(each))
      if (at >= 0) left.splice(at, 1)
      return at < 0
    })
  }

  #isDrained(endpoint: Endpoint): boolean {
    return this.drained.isIn(textOf(endpoint), this.#options.clock.nowMs)
  }

  /** Down or ejected. */
  #isOut(cluster: Cluster, endpoint: Endpoint): boolean {
    const { nowMs } = this.#options.clock
    return this.down.isIn(textOf(endpoint), nowMs) || this.ejection.isOut(cluster, endpoint, nowMs)
  }

  #why({ cluster, tried }: Dialing, endpoint: Endpoint): string {
    if (tried.some(each => textOf(each) === textOf(endpoint))) return 'which was tried'
    if (this.#isDrained(endpoint)) return 'which is drained'
    return this.#isOut(cluster, endpoint) ? 'which is down or ejected' : 'which is none of its endpoints'
  }

  #hadNoTime({ cluster, tried, allowedMs }: Dialing, result: number): boolean {
    const isOurs = result === -Errno.ECANCELED
    return isOurs && tried.length > 1 && allowedMs < Math.min(cluster.policy.connectTimeoutMs, TELLING_MS)
  }

  /** A connection whose last connect has failed goes nowhere else. */
  #checkGivenUp(dialing: Dialing): void {
    const { cluster, tried, beganMs, isCertain, isNewest } = dialing
    const { connectAttempts, connectDeadlineMs } = cluster.policy
    const isOver = this.#options.clock.nowMs >= beganMs + connectDeadlineMs
    if (!isCertain || !isNewest || !this.#options.hasFiles || isOver || tried.length >= connectAttempts)
      return
    const [other] = this.#candidates(dialing)
    const mayLoop = cluster.endpoints.some(({ address }) => OWN_ADDRESSES.includes(address))
    if (other === undefined || mayLoop) return
    const all = tried.map(textOf).join(', ')
    this.#options.onBug(
      `${cluster.host}: a connection is lost after ${all}, though there was ${textOf(other)}`,
    )
  }
}
