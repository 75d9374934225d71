/**
 * A gateway that takes over from a running one: it receives the other's listening sockets, and says
 * that it serves once every listener of its own configuration accepts.
 *
 * If the other process ends meanwhile, this one serves with what it has received. If anything else
 * goes wrong before it accepts, it gives up, and the other one serves on.
 */

import type { ListeningSocket } from '../../engine/worker/protocol.ts'
import { DescriptorChannel } from '../../kernel/descriptor-channel.ts'
import { PassedSockets } from '../../kernel/passed-sockets.ts'
import type { TicketState } from '../credentials/keeper.ts'
import { Conversation, type Hello, type Message } from './messages.ts'

/** For an answer that takes no work. */
const ANSWER_MS_MAX = 45_000
/** What another process passes on, and the way to tell it how that went. */
export class Claim {
  readonly pid: number
  readonly sockets: ListeningSocket[] = []
  /** Endpoints that an operator has taken out of rotation. */
  readonly drained: string[] = []
  tickets: TicketState | null = null
  /** Its place in words, and its descriptor. */
  admin: { readonly place: string; readonly fd: number } | null = null
  /** The other process has ended: this one has nobody to tell. */
  isAlone = false
  readonly #conversation: Conversation
  readonly #left = Promise.withResolvers<void>()
  readonly #passed = new PassedSockets()

  private constructor(channel: DescriptorChannel) {
    this.pid = channel.peer.pid
    this.#conversation = new Conversation(channel)
  }

  /** Connects to the socket that the other process has named; or why that is not to be. */
  static connect(socket: string): Claim | string {
    const channel = DescriptorChannel.connect(socket)
    if (channel === 'ECONNREFUSED')
      return 'its socket is not to be found: it has ended, or it is in another network namespace'
    if (typeof channel === 'string') return channel
    const { uid } = channel.peer
    if (uid === 0 || uid === process.getuid?.() || process.getuid?.() === 0) return new Claim(channel)
    channel.close()
    return `it runs as user ${uid}, this one as user ${process.getuid?.()}`
  }

  /**
   * Receives all that it passes on; '' or why not.
   *
   * @param places  What the own configuration serves, the rest is closed again.
   */
  async receive(places: ReadonlySet<string>): Promise<string> {
    for (;;) {
      const heard = await this.#conversation.hear(ANSWER_MS_MAX)
      if (typeof heard === 'string') return heard
      this.isAlone = heard === null
      if (heard === null) return ''
      const { message, fds } = heard
      if (message.kind === 'refused') return message.why
      const kept = this.#take(message, fds, places)
      if ((await this.#conversation.say({ kind: 'kept', places: kept })) !== '') continue // it ended: heard next
      if (message.kind === 'sockets' && message.isLast) return ''
    }
  }

  /** Settles once the other process drains, or has ended. */
  get left(): Promise<void> {
    return this.#left.promise
  }

  /** Tells the other process that it may go; '' or why it does not, which is nothing to end for. */
  async serving(): Promise<string> {
    const why = this.isAlone ? '' : await this.#tellServing()
    this.#left.resolve()
    return why
  }

  async #tellServing(): Promise<string> {
    const failure = await this.#conversation.say({ kind: 'serving' })
    const heard = failure === '' ? await this.#conversation.hear(ANSWER_MS_MAX) : null
    this.#conversation.close()
    this.isAlone = heard === null
    if (typeof heard === 'string') return heard
    return heard === null || heard.message.kind === 'leaving' ? '' : `it says ${heard.message.kind}`
  }

  /** The other process serves on; false if it has ended. */
  async giveUp(why: string): Promise<boolean> {
    this.isAlone ||= (await this.#conversation.say({ kind: 'refused', why })) !== ''
    return !this.isAlone
  }

  /** The places that are served by what came along. */
  #take(message: Message, fds: readonly number[], places: ReadonlySet<string>): string[] {
    if (message.kind === 'hello') this.#greeted(message, fds)
    if (message.kind === 'drained') this.drained.push(...message.endpoints)
    if (message.kind !== 'sockets') return []
    const kept = new Set<string>()
    for (const [at, place] of message.places.entries()) {
      const fd = fds[at] ?? -1
      if (places.has(place) && this.#passed.listensAt(fd, portOf(place))) {
        this.sockets.push({ place, fd })
        kept.add(place)
      } else this.#passed.close(fd)
    }
    return [...kept]
  }

  #greeted({ admin, tickets }: Hello, [fd]: readonly number[]): void {
    this.tickets = tickets
    if (admin !== null && fd !== undefined) this.admin = { place: admin, fd }
  }
}

/** A place is a bind and a port. */
const portOf = (place: string): number => Number(place.slice(place.lastIndexOf(' ') + 1))
