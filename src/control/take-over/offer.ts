/**
 * A running gateway that another process takes over from: it passes its listening sockets on, and
 * drains once the other one serves.
 *
 *   free ─ POST /take-over ─▶ open ─ the other process connects ─▶ passing ─ "serving" ─▶ left
 *     ▲                         └──────── it fails, or is silent ─────┘
 *     └───────────────────────────────────┘
 */

import { setTimeout as pause } from 'node:timers/promises'
import type { ListeningSocket } from '../../engine/worker/protocol.ts'
import { DESCRIPTORS_MAX, DescriptorChannel } from '../../kernel/descriptor-channel.ts'
import type { TicketState } from '../credentials/keeper.ts'
import type { Logger } from '../observe/log.ts'
import type { ListenSockets } from '../workers/listen-sockets.ts'
import { Conversation, type Message, PROTOCOL } from './messages.ts'

/** From the request to the connection. */
const COME_MS_MAX = 30_000
/** For an answer that takes no work. */
const ANSWER_MS_MAX = 30_000
/** From the last socket until it serves; it gives up earlier itself (claim.ts). */
const SERVE_MS_MAX = 120_000
const LOOK_MS = 5
/** Endpoints in one message. */
const ENDPOINTS_MAX = 1_000

/** What goes on in the new process. */
export type PassedState = {
  readonly sockets: ListenSockets
  readonly tickets: TicketState
  /** Endpoints that an operator has taken out of rotation. */
  readonly drained: readonly string[]
}

/** The admin listener: its place in words, and its descriptor. */
type AdminSocket = { readonly place: string; readonly fd: number }

/** The process that serves now. */
type Successor = { readonly pid: number }

type Refusal = {
  readonly code: 'take-over-protocol' | 'take-over-impossible' | 'take-over-under-way'
  readonly why: string
}

export class Offer {
  /** Handed over as well; null: there is none. */
  admin: AdminSocket | null = null
  readonly #log: Logger
  readonly #passedState: () => PassedState | null
  readonly #taken = Promise.withResolvers<Successor>()
  #isOpen = false
  /** Times that it was. */
  #opened = 0

  /** @param passedState  null: nothing is served, or not for long. */
  constructor(log: Logger, passedState: () => PassedState | null) {
    this.#log = log
    this.#passedState = passedState
  }

  /** Settles when another process serves, and this one has to go. */
  get taken(): Promise<Successor> {
    return this.#taken.promise
  }

  /** Lets one process take over. @returns The name of the socket that it has to connect to. */
  open(protocol: number): { readonly socket: string } | Refusal {
    if (protocol !== PROTOCOL) {
      const why = `it asks by version ${protocol} of the protocol, and this weir has version ${PROTOCOL}`
      return { code: 'take-over-protocol', why }
    }
    if (this.#isOpen) return { code: 'take-over-under-way', why: 'another process is taking over already' }
    const state = this.#passedState()
    if (state === null) return impossible('this gateway does not serve, or is about to end')
    // Who may connect is seen by the user, not by who knows the name.
    const socket = `weir-take-over-${process.pid}-${++this.#opened}`
    const listener = DescriptorChannel.listen(socket)
    if (typeof listener === 'string') return impossible(listener)
    this.#isOpen = true
    void this.#serve(listener, state).finally(() => {
      this.#isOpen = false
    })
    return { socket }
  }

  async #serve(listener: DescriptorChannel, state: PassedState): Promise<void> {
    const channel = await comingTo(listener)
    listener.close()
    if (channel === null) {
      this.#log.warn('a process wanted to take over, and has not come')
      return
    }
    const { pid, uid } = channel.peer
    const conversation = new Conversation(channel)
    const why = isAllowed(uid)
      ? await this.#passOn(conversation, state, pid)
      : `a process of user ${uid} may not take over from one of user ${process.getuid?.()}: only the same user and root may`
    if (why === '') {
      this.#log.info({ pid }, `process ${pid} serves from now on: this one drains`)
      await conversation.say({ kind: 'leaving' })
      this.#taken.resolve({ pid })
    } else {
      this.#log.warn({ pid }, `process ${pid} has not taken over, this one serves on: ${why}`)
      await conversation.say({ kind: 'refused', why })
    }
    conversation.close()
  }

  /** '' if the other process serves; else why not. */
  async #passOn(conversation: Conversation, state: PassedState, pid: number): Promise<string> {
    this.#log.info({ pid }, `process ${pid} is about to take over: it is passed the listening sockets`)
    const sockets = await state.sockets.ask()
    const kept = new Set<string>()
    for (const { message, fds } of this.#parts(state, sockets)) {
      const failure = await conversation.say(message, fds)
      if (failure !== '') return failure
      const places = await answer(conversation, ANSWER_MS_MAX)
      if (typeof places === 'string') return places
      for (const place of places) kept.add(place)
    }
    const heard = await conversation.hear(SERVE_MS_MAX)
    const why =
      heard === null
        ? 'it has ended'
        : typeof heard === 'string'
          ? heard
          : refusalIn(heard.message, 'serving')
    if (why === '') state.sockets.share(kept)
    return why
  }

  *#parts({ tickets, drained }: PassedState, sockets: readonly ListeningSocket[]) {
    const { admin } = this
    yield part({ kind: 'hello', admin: admin?.place ?? null, tickets }, admin ? [admin.fd] : [])
    for (let at = 0; at < drained.length; at += ENDPOINTS_MAX)
      yield part({ kind: 'drained', endpoints: drained.slice(at, at + ENDPOINTS_MAX) })
    for (let at = 0; at === 0 || at < sockets.length; at += DESCRIPTORS_MAX) {
      const some = sockets.slice(at, at + DESCRIPTORS_MAX)
      const isLast = at + DESCRIPTORS_MAX >= sockets.length
      const places = some.map(each => each.place)
      yield part(
        { kind: 'sockets', places, isLast },
        some.map(each => each.fd),
      )
    }
  }
}

const part = (message: Message, fds: readonly number[] = []) => ({ message, fds })

const impossible = (why: string): Refusal => ({ code: 'take-over-impossible', why })

/** The process that was told the socket's name; null: it has not come in time. */
async function comingTo(listener: DescriptorChannel): Promise<DescriptorChannel | null> {
  const signal = AbortSignal.timeout(COME_MS_MAX)
  while (!signal.aborted) {
    const channel = listener.accept()
    if (typeof channel !== 'number') return channel
    await pause(LOOK_MS)
  }
  return null
}

/** Root could take the descriptors anyhow: pidfd_getfd(2). */
const isAllowed = (uid: number): boolean => uid === 0 || uid === process.getuid?.()

async function answer(conversation: Conversation, withinMs: number): Promise<readonly string[] | string> {
  const heard = await conversation.hear(withinMs)
  if (heard === null) return 'it has ended'
  if (typeof heard === 'string') return heard
  return heard.message.kind === 'kept' ? heard.message.places : refusalIn(heard.message, 'kept')
}

/** '' if it says what was waited for. */
function refusalIn(message: Message, wanted: Message['kind']): string {
  if (message.kind === wanted) return ''
  return message.kind === 'refused' ? message.why : `it says ${message.kind}, and not ${wanted}`
}
