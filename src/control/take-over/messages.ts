/**
 * What two processes of weir say to each other while one takes over from the other. The old one
 * sends; the new one answers each message, so that never more than one is on its way.
 *
 *   old                                new
 *   hello, with the admin's socket ──▶ kept: nothing yet
 *   drained …                      ──▶ kept
 *   sockets …, the last            ──▶ kept: those places of them that it serves, too
 *                                      … opens the rest, then accepts
 *                                  ◀── serving
 *   leaving                        ──▶ it drains
 *
 * Until `serving` the old process changes nothing: if the new one ends before, it serves on.
 */

import { setTimeout as pause } from 'node:timers/promises'
import type { DescriptorChannel } from '../../kernel/descriptor-channel.ts'
import { Errno, errnoName } from '../../kernel/errno.ts'
import type { TicketState } from '../credentials/keeper.ts'

/** Both must speak the same. */
export const PROTOCOL = 1

/** How often a side looks whether something has come, while it waits for that. */
const LOOK_MS = 2

/** The other end is closed, with or without messages of ours that it has not read. */
const ENDED: ReadonlySet<number> = new Set([-Errno.EPIPE, -Errno.ECONNRESET])

export type Hello = {
  readonly kind: 'hello'
  /** The admin's place; its socket comes along. null: it has none. */
  readonly admin: string | null
  readonly tickets: TicketState
}

export type Message =
  | Hello
  /** Endpoints that an operator has taken out of rotation. */
  | { readonly kind: 'drained'; readonly endpoints: readonly string[] }
  /** A place for each descriptor that comes along. */
  | { readonly kind: 'sockets'; readonly places: readonly string[]; readonly isLast: boolean }
  | { readonly kind: 'leaving' }
  | { readonly kind: 'kept'; readonly places: readonly string[] }
  | { readonly kind: 'serving' }
  /** It ends here; the old process serves on. */
  | { readonly kind: 'refused'; readonly why: string }

type Heard = { readonly message: Message; readonly fds: readonly number[] }

export class Conversation {
  readonly #channel: DescriptorChannel

  constructor(channel: DescriptorChannel) {
    this.#channel = channel
  }

  /** '' or what went wrong. */
  async say(message: Message, fds: readonly number[] = []): Promise<string> {
    const text = JSON.stringify(message)
    for (;;) {
      const sent = this.#channel.send(text, fds)
      if (sent === 0) return ''
      if (ENDED.has(sent)) return 'it has ended'
      if (sent !== -Errno.EAGAIN) return errnoName(sent)
      await pause(LOOK_MS)
    }
  }

  /** What comes within a time; null at the end; or what went wrong. */
  async hear(withinMs: number): Promise<Heard | null | string> {
    const signal = AbortSignal.timeout(withinMs)
    while (!signal.aborted) {
      const received = this.#channel.receive()
      if (received === null) return null
      if (typeof received !== 'number')
        return { message: JSON.parse(received.text) as Message, fds: received.fds }
      if (received !== -Errno.EAGAIN) return errnoName(received)
      await pause(LOOK_MS)
    }
    return `it has not answered for ${withinMs / 1000} s`
  }

  close(): void {
    this.#channel.close()
  }
}
