/**
 * Who talks through the gateway. What a peer says at an offset follows from its number, so a byte
 * that is lost, doubled, out of place or somebody else's shows at once; the first four bytes are
 * the number.
 *
 * To add a kind: a line in KINDS. What all kinds are made of is `Script`.
 */

import type { Clock } from './clock.ts'
import type { Dice } from './dice.ts'
import type { Network, Socket } from './network.ts'

export type Script = {
  /** Bytes that it says in all, in pieces of up to `piece`, with gaps of up to `gapMs`. */
  readonly says: number
  readonly piece: number
  readonly gapMs: number
  /** It says nothing before it has heard so many. */
  readonly after: number
  /** How it listens: at once, a little at a time, or not at all before the run's end. */
  readonly hears: 'all' | 'little' | 'nothing'
  /**
   * How it ends: once it has said all, once the other one has ended, with a reset, without a word,
   * or not at all.
   */
  readonly ends: 'first' | 'last' | 'reset' | 'close' | 'never'
  /** After so many bytes heard or said, or after so long, where it resets. */
  readonly resetAt: number
  readonly resetMs: number
}

const PLAIN: Script = {
  ...{ says: 0, piece: 4096, gapMs: 0, after: 0, hears: 'all', ends: 'first', resetAt: 0, resetMs: 0 },
}

type Make = (dice: Dice, most: number) => Partial<Script>

/** The kinds of clients and servers, by name. */
export const KINDS: Readonly<Record<string, Make>> = {
  talker: (dice, most) => ({ says: dice.size(most), piece: dice.size(8192), gapMs: dice.pick([0, 5, 100]) }),
  answerer: (dice, most) => ({ says: dice.size(most), after: dice.size(64), ends: 'last' }),
  patient: (dice, most) => ({ says: dice.size(most), ends: 'last', gapMs: 20 }),
  halfCloser: dice => ({ says: dice.size(512), ends: 'first' }),
  resetter: (dice, most) => ({ says: dice.size(most), ends: 'reset', resetAt: dice.size(most) }),
  quitter: (dice, most) => ({ says: most, ends: 'reset', resetAt: 1e9, resetMs: dice.pick([200, 1500]) }),
  sleeper: (dice, most) => ({ says: dice.size(most), hears: 'nothing' }),
  slowReader: (dice, most) => ({ says: dice.size(most), hears: 'little', ends: 'last' }),
  drip: dice => ({ says: dice.size(40), piece: 1, gapMs: 30 }),
  scanner: () => ({ ends: 'close' }),
  scannerWithReset: () => ({ ends: 'reset' }),
  mute: () => ({ ends: 'never' }),
  stays: (dice, most) => ({ says: dice.size(most), ends: 'never' }),
  bulk: (dice, most) => ({ says: most * 4 + dice.below(most * 8), piece: 65_536, ends: 'first' }),
}
export const KIND_NAMES = Object.keys(KINDS)

/**
 * A script of a kind, for up to about `most` bytes; however small its pieces, they are said in a
 * few seconds.
 */
export function scriptOf(kind: string, dice: Dice, most: number): Script {
  const script = { ...PLAIN, ...KINDS[kind](dice, most) }
  return { ...script, piece: Math.max(script.piece, Math.ceil(script.says / 40)) }
}

const READ_MOST = 65_536
/** Longer than from one sip to the next, whatever has to wait on the way. */
const BREATH_MS = 1000
const scratch = new Uint8Array(READ_MOST)

/** What the peer `number` says at `offset`. */
export const byteAt = (number: number, offset: number): number =>
  offset < 4 ? (number >>> (8 * offset)) & 255 : (number * 167 + offset * 13 + (offset >>> 8) * 7) & 255

export class Peer {
  readonly number: number
  readonly kind: string
  readonly script: Script
  readonly socket: Socket
  said = 0
  heard = 0
  /** Who it has heard, by what was heard first; 0: not known yet. */
  heardOf = 0
  heardEnd = false
  saidEnd = false
  /** It has reset, or was reset, or was given up. */
  isBroken = false
  hasReset = false
  isOver = false
  /** When it was the last to do anything. */
  activeMs = 0
  #willing = false
  #isPlanned = false
  #nextMs = 0
  readonly #clock: Clock
  readonly #dice: Dice
  readonly #network: Network
  readonly #onBug: (what: string) => void

  constructor(
    number: number,
    kind: string,
    script: Script,
    socket: Socket,
    world: { clock: Clock; dice: Dice; network: Network; onBug: (what: string) => void },
  ) {
    this.number = number
    this.kind = kind
    this.script = script
    this.socket = socket
    this.#clock = world.clock
    this.#dice = world.dice
    this.#network = world.network
    this.#onBug = world.onBug
    socket.onChange = () => this.#plan(0)
    this.#plan(0)
    if (script.resetMs > 0) world.clock.in(script.resetMs, () => this.isOver || this.#reset())
  }

  /** Nobody waits for the end of the run because of this one. */
  get isWilling(): boolean {
    const { hears, ends } = this.script
    return this.#willing || (hears !== 'nothing' && ends !== 'never')
  }

  /**
   * It has not taken yet what is there, a little at a time as it does: whoever waits, waits for
   * this one.
   */
  get isBehind(): boolean {
    const hasHeardOfLate = this.#clock.nowMs - this.activeMs < BREATH_MS
    return this.script.hears === 'little' && (this.socket.incoming.queued > 0 || hasHeardOfLate)
  }

  /** From now on it listens, and ends. */
  relent(): void {
    this.#willing = true
    this.#nextMs = 0
    this.#plan(0)
  }

  #plan(delayMs: number): void {
    if (this.#isPlanned || this.isOver) return
    this.#isPlanned = true
    this.#clock.in(delayMs, () => {
      this.#isPlanned = false
      if (!this.isOver) this.#act()
    })
  }

  #act(): void {
    this.#hear()
    if (this.isOver) return
    const { script } = this
    const moved = this.said + this.heard
    if (script.ends === 'reset' && moved >= script.resetAt && (script.resetAt === 0 || moved > 0)) {
      this.#reset()
      return
    }
    if (script.ends === 'close' && !this.#willing) {
      this.#leave()
      return
    }
    this.#say()
    this.#end()
  }

  #hear(): void {
    const { hears } = this.script
    if (hears === 'nothing' && !this.#willing && !this.socket.broken) return
    for (;;) {
      const most = hears === 'little' && !this.#willing ? this.#dice.size(200) : READ_MOST
      const result = this.#network.read(this.socket, scratch, most)
      if (result > 0) {
        this.#check(result)
        this.activeMs = this.#clock.nowMs
        if (hears !== 'little' || this.#willing) continue
        this.#plan(this.#dice.below(20))
        return
      }
      if (this.socket.broken) {
        this.isBroken = true
        this.#over()
        return
      }
      if (result === 0) this.heardEnd = true
      return
    }
  }

  #check(bytes: number): void {
    for (let at = 0; at < bytes; at++, this.heard++) {
      if (this.heard < 4) this.heardOf |= scratch[at] << (8 * this.heard)
      else if (scratch[at] !== byteAt(this.heardOf, this.heard)) {
        this.#onBug(`peer ${this.number} heard a wrong byte at ${this.heard} of peer ${this.heardOf}`)
        return
      }
    }
  }

  #say(): void {
    const { script } = this
    if (
      this.saidEnd ||
      this.said >= script.says ||
      (this.heard < script.after && !this.heardEnd && !this.#willing)
    )
      return
    if (this.#clock.nowMs < this.#nextMs) {
      this.#plan(this.#nextMs - this.#clock.nowMs)
      return
    }
    const bytes = Math.min(script.says - this.said, script.piece, READ_MOST)
    for (let at = 0; at < bytes; at++) scratch[at] = byteAt(this.number, this.said + at)
    const result = this.#network.write(this.socket, scratch.subarray(0, bytes))
    if (result < 0) {
      this.isBroken = true
      this.#over()
      return
    }
    this.said += result
    if (result > 0) this.activeMs = this.#clock.nowMs
    this.#nextMs =
      this.#clock.nowMs + (script.gapMs > 0 && !this.#willing ? this.#dice.below(script.gapMs) : 0)
    if (result > 0 && this.said < script.says) this.#plan(this.#nextMs - this.#clock.nowMs)
    else if (result > 0) this.#plan(0)
  }

  #end(): void {
    const { ends, says } = this.script
    const mayEnd = this.#willing || ends === 'first' || ends === 'reset' || (ends === 'last' && this.heardEnd)
    if (
      !this.saidEnd &&
      this.said >= says &&
      mayEnd &&
      !(ends === 'reset' && !this.#willing && !this.heardEnd)
    ) {
      this.saidEnd = true
      this.#network.end(this.socket)
    }
    if (this.saidEnd && this.heardEnd) this.#leave()
  }

  #reset(): void {
    this.hasReset = true
    this.isBroken = true
    this.#network.abort(this.socket)
    this.#over()
  }

  #leave(): void {
    this.saidEnd = true
    this.#network.close(this.socket)
    this.#over()
  }

  #over(): void {
    this.isOver = true
    this.socket.onChange = () => {}
    this.#network.close(this.socket)
  }
}
