/**
 * Where the connections of an access log would go by a table: yesterday's traffic, decided again
 * (replayer.ts).
 *
 * A connection goes where it went if its destination is among those that can be picked for it. What
 * a line does not say cannot be replayed, and is counted with the reason.
 */

import type { Logged, ReadLine } from '../../access-log/read-line.ts'
import { parseInto, splitEndpoint } from '../../address/address.ts'
import { certifiedBy } from '../../stats/read-row.ts'
import type { ReasonName } from '../../stats/reasons.ts'
import { socketsAt } from '../../table/explain/find-listener.ts'
import type { Table } from '../../table/format/table.ts'
import { destinationName } from '../../table/plan/destination.ts'
import { AS_ASKED, type Destinations, Replayer } from './replayer.ts'

/**
 * same: it would go where it went, or still nowhere. elsewhere: to something else. refused: to
 * nothing. denied: a policy would not let it in. unlistened: nobody would accept it. served: it
 * went nowhere, and would go somewhere.
 */
export const LOG_FATES = ['same', 'elsewhere', 'refused', 'denied', 'unlistened', 'served'] as const
type LogFate = (typeof LOG_FATES)[number]

/** Why a line is not replayed. */
export const NOT_REPLAYED = {
  unknown: 'no line of an access log',
  open: 'of a connection that was open: its end is a line of its own',
  undecided: 'ended before weir decided about it',
  address: 'the address that the client connected to is unknown',
  listener: 'several listeners may have accepted it, and the text form does not name them',
  tls: 'it depends on whether the client spoke TLS, and the line does not say',
} as const
type NotReplayed = keyof typeof NOT_REPLAYED

/** Moves, and clients of one, that are told apart; beyond, they are only counted. */
const MOVES_MAX = 10_000
const CLIENTS_MAX = 10_000

export type LogMove = {
  readonly fate: LogFate
  /** The rule that routed them, as in the log; null: none. */
  readonly rule: string | null
  /** Where they went, or the reason why they went nowhere. */
  readonly from: string
  /** All possible destinations. */
  readonly to: readonly string[]
  connections: number
  /** By the client's address, without its port; '': unknown, or one of too many. */
  readonly clients: Map<string, number>
}

/** Reasons of connections that went nowhere, although weir decided about them. */
const DECIDED: ReadonlySet<ReasonName> = new Set<ReasonName>([
  'no-route',
  'denied',
  'denied-by-policy',
  'no-sni',
  'not-tls',
])

export class LogReplay {
  readonly fates: Record<LogFate, number> = {
    same: 0,
    elsewhere: 0,
    refused: 0,
    denied: 0,
    unlistened: 0,
    served: 0,
  }
  readonly notReplayed: Record<NotReplayed, number> = {
    unknown: 0,
    open: 0,
    undecided: 0,
    address: 0,
    listener: 0,
    tls: 0,
  }
  /** Connections of moves beyond those that are told apart. */
  more = 0
  readonly #table: Table
  readonly #replayer: Replayer
  readonly #moves = new Map<string, LogMove>()

  constructor(table: Table) {
    this.#table = table
    this.#replayer = new Replayer(table)
  }

  /** Those that would not go where they went, most connections first. */
  get moves(): LogMove[] {
    return [...this.#moves.values()].sort((a, b) => b.connections - a.connections)
  }

  take(line: ReadLine): void {
    const why = typeof line === 'string' ? line : this.#replay(line)
    if (why !== null) this.notReplayed[why]++
  }

  /** Why it could not be; null: it was. */
  #replay(line: Logged): NotReplayed | null {
    const { reason } = line
    if (reason === null) return 'open'
    const from = wentTo(line)
    if (from === null && !DECIDED.has(reason)) return 'undecided'
    const sockets = this.#socketsOf(line)
    if (typeof sockets === 'string') return sockets
    const [socket] = sockets
    const to = socket === undefined ? null : this.#decide(line, socket)
    if (to === 'tls') return to
    const fate = fateOf(from, to)
    this.fates[fate]++
    if (fate !== 'same') this.#add(line, fate, from ?? reason, Array.isArray(to) ? to : [])
    return null
  }

  /** The socket that would accept it; none: nobody would. */
  #socketsOf({ listener, asked }: Logged): readonly number[] | NotReplayed {
    if (listener !== null) {
      const socket = this.#replayer.socketOf(listener)
      return socket < 0 ? [] : [socket]
    }
    const at = asked === null ? null : splitEndpoint(asked)
    if (at === null) return 'address'
    const sockets = socketsAt(this.#table, { ip: at.address, port: at.port })
    return sockets.length > 1 ? 'listener' : sockets
  }

  /** With TLS and without, where the line leaves it open. */
  #decide(line: Logged, socket: number): Destinations | null | 'tls' {
    const known = spokeTls(line)
    if (known !== null) return this.#destinations(line, socket, known)
    const [plain, tls] = [false, true].map(isTls => this.#destinations(line, socket, isTls))
    return String(plain) === String(tls) ? plain : 'tls'
  }

  #destinations(
    { client, peer, asked, serverName, identity }: Logged,
    socket: number,
    isTls: boolean,
  ): Destinations | null {
    const { query } = this.#replayer
    const to = asked === null ? null : splitEndpoint(asked)
    query.listener = socket
    query.isTls = isTls
    query.serverName = serverName
    query.identity = certifiedBy(identity)
    query.clientFamily = parseInto(addressOf(client), query.client, 0)
    query.peerFamily = parseInto(addressOf(peer), query.peer, 0)
    query.destinationFamily = parseInto(to?.address ?? '', query.destination, 0)
    query.destinationPort = to?.port ?? this.#table.sockets[socket].port
    return this.#replayer.destinations(null, socket)
  }

  #add({ rule, client }: Logged, fate: LogFate, from: string, to: readonly string[]): void {
    const key = JSON.stringify([fate, rule, from, to])
    if (!this.#moves.has(key) && this.#moves.size === MOVES_MAX) {
      this.more++
      return
    }
    const move = this.#moves.getOrInsertComputed(key, () => {
      return { fate, rule, from, to, connections: 0, clients: new Map<string, number>() }
    })
    move.connections++
    const { clients } = move
    const address = addressOf(client)
    const counted = clients.has(address) || clients.size < CLIENTS_MAX ? address : ''
    clients.set(counted, (clients.get(counted) ?? 0) + 1)
  }
}

const wentTo = ({ destination, rule }: Logged): string | null =>
  destination ? destinationName(destination) : rule === 'passthrough' ? AS_ASKED : null

/** null: unknown. */
function spokeTls({ serverName, reason, rule }: Logged): boolean | null {
  if (serverName !== '' || reason === 'no-sni' || / tls\[/.test(rule ?? '')) return true
  return reason === 'not-tls' ? false : null
}

function fateOf(from: string | null, to: Destinations | null): LogFate {
  if (to === null) return 'unlistened'
  if (from === null) return to === 'denied' || to.length === 0 ? 'same' : 'served'
  if (to === 'denied') return to
  if (to.length === 0) return 'refused'
  return to.includes(from) ? 'same' : 'elsewhere'
}

const addressOf = (endpoint: string | null): string =>
  endpoint === null ? '' : (splitEndpoint(endpoint)?.address ?? '')
