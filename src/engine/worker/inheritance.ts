/**
 * Listening sockets that another process has opened and this one takes over, as one worker's
 * listeners see them (control/take-over).
 *
 * inherit ─▶ the first table's listeners use them, and accept nothing ─accept─▶ as any other
 *
 * Until `accept` nothing is opened beside an inherited socket, either: with SO_REUSEPORT the kernel
 * would give it connections at once, which are lost if the other process has to go on.
 */

import type { InheritedSockets, ListeningSocket } from './protocol.ts'

/** @template L  A listener of the engine. */
export class Inheritance<L> {
  /** Nothing is to be accepted yet. */
  isHeld = false
  #byPlace: ReadonlyMap<string, readonly number[]> = new Map()
  /** Listeners to open once connections are accepted. */
  #later: L[] = []
  #shared: ReadonlySet<string> = new Set()

  inherit(sockets: InheritedSockets): void {
    this.#byPlace = new Map(sockets.map(({ place, fds }) => [place, fds]))
    this.isHeld = true
  }

  /** The descriptors for a listener, one of them −1 where it has to open its own. */
  fdsFor(place: string): readonly number[] {
    const fds = this.#byPlace.get(place) ?? []
    return fds.length > 0 ? fds : [-1]
  }

  /** Whether only other workers have inherited sockets of this place; then `listener` waits. */
  delays(place: string, listener: L): boolean {
    const isSo = this.#byPlace.get(place)?.length === 0
    if (isSo) this.#later.push(listener)
    return isSo
  }

  /** From here on this process accepts. @returns What is still to be opened. */
  accept(): readonly L[] {
    const later = this.#later
    this.isHeld = false
    this.#byPlace = new Map()
    this.#later = []
    return later
  }

  /** Another process goes on with these. */
  share(sockets: readonly ListeningSocket[]): void {
    this.#shared = new Set(sockets.map(textOf))
  }

  /** Whether what waits at this socket waits for the other process. */
  isShared(socket: ListeningSocket): boolean {
    return this.#shared.has(textOf(socket))
  }
}

const textOf = ({ place, fd }: ListeningSocket): string => `${fd} ${place}`

/** A listener's key: its place; those beside the first one have a number, too. */
export const keyOf = ({ place, copy }: { readonly place: string; readonly copy: number }): string =>
  copy === 0 ? place : `${place} ${copy}`
