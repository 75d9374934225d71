/**
 * Who takes part in a run: clients that connect, servers that are connected to, and what each of
 * them is.
 */

import type { Ticket } from './credentials.ts'
import type { Dice } from './dice.ts'
import type { Gateway } from './gateway.ts'
import { drawHello, drawOpening } from './hellos.ts'
import type { Machine } from './kernel.ts'
import { type Name, nameOf, nameText } from './names.ts'
import type { Client } from './oracle.ts'
import { type Around, Peer, scriptOf } from './peers.ts'
import { DESTINATIONS, SERVER_PORT, SERVERS } from './plans.ts'
import { drawShake, type Shake, showsOf } from './secured.ts'
import { claimedClient, drawPreface, isSender } from './senders.ts'
import { Session, type Shows } from './session.ts'
import { Socket } from './sockets.ts'
import { Agreeing, Asking } from './starttls.ts'
import type { Swarm } from './swarm.ts'

/** The first byte of TLS: a plain client that said only this would look like a cut hello. */
const HANDSHAKE = 22

export class Cast {
  /** By port. */
  readonly clients = new Map<number, Client>()
  readonly servers: Peer[] = []
  readonly #machine: Machine
  readonly #swarm: Swarm
  readonly #gateway: () => Gateway
  #numbers = 0
  #ports = 0
  #isRelenting = false

  constructor(machine: Machine, swarm: Swarm, servers: number, gateway: () => Gateway) {
    this.#machine = machine
    this.#swarm = swarm
    this.#gateway = gateway
    for (const address of SERVERS.slice(0, servers))
      machine.network.servers.set(nameText(nameOf(address, SERVER_PORT)), socket => {
        const shake = swarm.plans.originates ? drawShake(this.#dice, 0) : null
        const hasSession = shake !== null || swarm.features.has('upstreamSession')
        const session = hasSession ? new Session(false, this.#dice, termsOf(shake)) : null
        const agreeing = swarm.plans.starttls ? new Agreeing(this.#dice) : null
        this.servers.push(this.#peer(socket, { session, shake, agreeing, isServer: true }))
      })
  }

  get #dice(): Dice {
    return this.#machine.dice
  }

  get peers(): readonly Peer[] {
    return [...this.servers, ...[...this.clients.values()].map(({ peer }) => peer)]
  }

  /** Another client connects, to one of these or to any place. */
  connect(destinations = DESTINATIONS): void {
    const { network, clock } = this.#machine
    const { features, skew, plans } = this.#swarm
    const to = this.#dice.pick(destinations)
    const number = this.#dice.below(256)
    const address = to.address.includes(':') ? `fd00::${number.toString(16)}` : `10.0.0.${number}`
    const port = 20_000 + this.#ports++ * skew
    const [local, remote] = [nameOf(address, port), nameOf(to.address, to.port)]
    const socket = new Socket(local, remote)
    if (!network.connect(socket)) return
    const reads = plans.proxied.get(to.port)
    const isRead = reads !== undefined && isSender(reads, local)
    const preface = isRead ? drawPreface(this.#dice, reads, ...this.#claims(local, remote)) : null
    const isTerminated = plans.terminated.includes(to.port)
    const hello = isTerminated ? drawHello(this.#dice) : undefined
    const shake = hello ? drawShake(this.#dice, hello.bytes.length) : null
    const hasSession = shake !== null || features.has('clientSession')
    const ticket = hello && this.#drawTicket()
    const terms = { ...termsOf(shake), ...(hello && { hello: hello.bytes, ticket: ticket ?? null }) }
    const session = hasSession ? new Session(true, this.#dice, terms) : null
    const isOpening = plans.named.includes(to.port) && !isTerminated
    const opening = isOpening ? drawOpening(this.#dice) : null
    const serverName = hello?.name ?? opening?.name ?? ''
    const asking = opening && plans.starttls && this.#dice.chance(0.85) ? new Asking(this.#dice) : null
    const peer = this.#peer(socket, { preface, session, shake, opening, serverName, asking })
    const now = { generation: this.#gateway().generation, credentials: this.#gateway().credentials.count }
    this.clients.set(port, { peer, address, port, connectedMs: clock.nowMs, ...now })
  }

  /** One that another client was given. */
  #drawTicket(): Ticket | null {
    const tickets = [...this.clients.values()].flatMap(({ peer }) => peer.shaken?.ticket ?? [])
    return tickets.length > 0 && this.#dice.chance(0.5) ? this.#dice.pick(tickets) : null
  }

  #claims(local: Name, remote: Name): [Name, Name] {
    if (this.#dice.chance(0.3)) return [claimedClient(this.#dice, local.family, local.port - 20_000), remote]
    const other = this.#dice.pick(DESTINATIONS)
    const destination = nameOf(other.address, other.port)
    return [claimedClient(this.#dice, destination.family, local.port - 20_000), destination]
  }

  /** All end from now on who would not. */
  relent(): void {
    this.#isRelenting = true
    for (const peer of this.peers) peer.relent()
  }

  #peer(socket: Socket, around: Around): Peer {
    const { clients, servers, bytes } = this.#swarm
    const { clock, dice } = this.#machine
    const kind = dice.pick(around.isServer ? servers : clients)
    if (++this.#numbers === HANDSHAKE) this.#numbers++
    const peer = new Peer(this.#numbers, kind, scriptOf(kind, dice, bytes), socket, this.#machine, around)
    clock.note(`peer ${kind}`, peer.number, peer.script.says)
    if (this.#isRelenting) peer.relent()
    return peer
  }
}

/** Of the session of whoever behaves so. */
function termsOf(shake: Shake | null): { readonly shows: Shows; readonly breaksOff: boolean } {
  const is = shake?.is ?? 'right'
  return { shows: shake ? showsOf(shake) : 'right', breaksOff: is === 'breaksOff' }
}
