/** What the clients of a load say and hear (message.ts), in memory that the kernel works on. */

import type { Arena } from '../../src/kernel/arena.ts'
import type { LoadJob } from './job.ts'
import { type Header, isBlock, MESSAGE_BYTES, same, writeMessage } from './message.ts'

const BULK_BUFFER_BYTES = 1 << 18

type Spoken = Pick<LoadJob, 'kind' | 'clients' | 'opening'>

const openingBytes = ({ opening }: Spoken): number => opening?.length ?? 0

const bulkBytes = ({ kind, clients }: Spoken): number => (kind === 'bulk' ? clients * BULK_BUFFER_BYTES : 0)

/** What `Speech` takes of the arena. */
export const speechBytes = (job: Spoken): number =>
  job.clients * (3 * MESSAGE_BYTES + openingBytes(job)) + bulkBytes(job)

/** A place in the arena, and its length. */
type Piece = readonly [at: number, bytes: number]

export class Speech {
  readonly #arena: Arena
  readonly #isBulk: boolean
  readonly #openingBytes: number
  /** Two messages for each client: what it asked, what it got. */
  readonly #messages: number
  readonly #bulk: number
  /** For each client the opening, with room for a message behind it; 0: there is none. */
  readonly #openings: number

  constructor(arena: Arena, job: Spoken) {
    this.#arena = arena
    this.#isBulk = job.kind === 'bulk'
    this.#openingBytes = openingBytes(job)
    this.#messages = arena.take(job.clients * 2 * MESSAGE_BYTES)
    this.#bulk = this.#isBulk ? arena.take(bulkBytes(job)) : 0
    this.#openings = this.#openingBytes > 0 ? this.#takeOpenings(job) : 0
  }

  /** Writes the next request of a client; its first one stands behind the opening. */
  ask(header: Header, isFirst: boolean): Piece {
    const { client } = header
    const at = this.#messages + client * 2 * MESSAGE_BYTES
    writeMessage(this.#arena.u32, at / 4, header)
    if (!isFirst || this.#openings === 0) return [at, MESSAGE_BYTES]
    const bytes = this.#openingBytes + MESSAGE_BYTES
    const from = this.#openings + client * bytes
    this.#arena.u8.copyWithin(from + this.#openingBytes, at, at + MESSAGE_BYTES)
    return [from, bytes]
  }

  /** Where the next bytes of a reply go, of which so many have come. */
  room(client: number, received: number): Piece {
    if (this.#isBulk) return [this.#bulk + client * BULK_BUFFER_BYTES + (received & 3), BULK_BUFFER_BYTES - 4]
    const inReply = received % MESSAGE_BYTES
    return [this.#replyOf(client) + inReply, MESSAGE_BYTES - inReply]
  }

  /** Whether the reply is what the client asked. */
  isAnswered(client: number): boolean {
    const reply = this.#replyOf(client) / 4
    return same(this.#arena.u32, reply, reply - MESSAGE_BYTES / 4)
  }

  /** Whether the last `bytes` of a long reply, after `received`, are what they should be. */
  isBulk(client: number, received: number, bytes: number): boolean {
    return isBlock(this.#arena.u32, (this.#bulk + client * BULK_BUFFER_BYTES) / 4, received, bytes)
  }

  #replyOf(client: number): number {
    return this.#messages + (client * 2 + 1) * MESSAGE_BYTES
  }

  #takeOpenings({ clients, opening = new Uint8Array(0) }: Spoken): number {
    const each = opening.length + MESSAGE_BYTES
    const openings = this.#arena.take(clients * each)
    for (let client = 0; client < clients; client++) this.#arena.u8.set(opening, openings + client * each)
    return openings
  }
}
