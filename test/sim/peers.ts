/**
 * Who talks through the gateway. What a peer says at an offset follows from its number, so a byte
 * that is lost, doubled, out of place or somebody else's shows at once; the first four bytes are
 * the number.
 *
 * To add a kind: a line in KINDS. What all kinds are made of is `Script`. What a load balancer says
 * first (senders.ts) and the records of a session (session.ts) are around the payload, and count
 * nowhere.
 */

import { createProxyHeader, INVALID, MORE, type ProxyHeader } from '../../src/wire/proxy-header.ts'
import { readProxyHeader } from '../../src/wire/proxy-protocol.ts'
import type { Clock } from './clock.ts'
import type { Shaken, Ticket } from './credentials.ts'
import type { Dice } from './dice.ts'
import { helloBytes, type Opening } from './hellos.ts'
import type { Network } from './network.ts'
import { type Shake, showsOf } from './secured.ts'
import type { Preface } from './senders.ts'
import type { Session, Shows } from './session.ts'
import type { Socket } from './sockets.ts'
import type { Agreeing, Asking } from './starttls.ts'

export type Script = {
  /** Bytes that it says in all, in pieces of up to `piece`, with gaps of up to `gapMs`. */
  readonly says: number
  readonly piece: number
  /** At most: so all is said in a few seconds. */
  readonly pieces: number
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
  /** It hears no more after so many bytes; 0: it does. */
  readonly deafAt: number
}

export const PLAIN: Script = {
  says: 0,
  piece: 4096,
  pieces: 40,
  gapMs: 0,
  after: 0,
  hears: 'all',
  ends: 'first',
  resetAt: 0,
  resetMs: 0,
  deafAt: 0,
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
  chatter: dice => ({ says: dice.between(4000, 8000), piece: dice.between(40, 80), pieces: 200, gapMs: 8 }),
  flood: (_, most) => ({ says: most, piece: 8192, ends: 'last' }),
  drip: dice => ({ says: dice.size(40), piece: 1, gapMs: 30 }),
  scanner: () => ({ ends: 'close' }),
  scannerWithReset: () => ({ ends: 'reset' }),
  mute: () => ({ ends: 'never' }),
  stays: (dice, most) => ({ says: dice.size(most), ends: 'never' }),
  bulkQuitter: (dice, most) => ({
    says: dice.size(64),
    ends: 'reset',
    resetAt: 1e9,
    resetMs: dice.pick([300, 900]),
    deafAt: most + dice.below(most),
  }),
  bulk: (dice, most) => ({ says: most * 2 + dice.below(most * 3), piece: 65_536 }),
}
export const KIND_NAMES = Object.keys(KINDS)

/** A script of a kind, for up to about `most` bytes, in no more pieces than the kind may. */
export function scriptOf(kind: string, dice: Dice, most: number): Script {
  const script = { ...PLAIN, ...KINDS[kind](dice, most) }
  return { ...script, piece: Math.max(script.piece, Math.ceil(script.says / script.pieces)) }
}

const READ_MOST = 65_536
/** What a peer does at a byte of its handshake. */
const STRIKES: ReadonlySet<string> = new Set(['garbles', 'stalls', 'quits', 'resets'])
/** Longer than from one sip to the next, whatever has to wait on the way. */
const BREATH_MS = 1000
const scratch = new Uint8Array(READ_MOST)

/** What a peer 0 says: it repeats after 64 KiB, and all others say it with something added. */
const SAID = Uint8Array.from({ length: 65_536 }, (_, offset) => offset * 13 + (offset >>> 8) * 7)

/** What the peer `number` says at `offset`. */
export const byteAt = (number: number, offset: number): number =>
  offset < 4 ? (number >>> (8 * offset)) & 255 : (number * 167 + SAID[offset & 65_535]) & 255

/** What is around the payload of a peer. */
export type Around = {
  /** What a load balancer says first. */
  readonly preface?: Preface | null
  readonly session?: Session | null
  /** How it behaves in the session's handshake. */
  readonly shake?: Shake | null
  /** What it says first of itself: of the payload, and goes on. */
  readonly opening?: Opening | null
  /** That its hello asks for; '': none, or there is no hello. */
  readonly serverName?: string
  /** What it asks for before its hello; or answers, as a server. */
  readonly asking?: Asking | null
  readonly agreeing?: Agreeing | null
  /** Whether the gateway may say first who its client is. */
  readonly isServer?: boolean
}

type World = {
  readonly clock: Clock
  readonly dice: Dice
  readonly network: Network
  readonly onBug: (what: string) => void
}

export class Peer {
  readonly number: number
  readonly kind: string
  readonly script: Script
  readonly socket: Socket
  readonly preface: Preface | null
  readonly opening: Opening | null
  readonly shake: Shake | null
  readonly serverName: string
  readonly asking: Asking | null
  readonly agreeing: Agreeing | null
  /** It has done in its handshake what it should not have. */
  hasStruck = false
  /** When it had said all of its handshake. */
  shakenMs = 0
  said = 0
  heard = 0
  /** Who it has heard, by what was heard first; 0: not known yet. */
  heardOf = 0
  heardEnd = false
  saidEnd = false
  /** It has reset, or was reset, or was given up. */
  isBroken = false
  hasReset = false
  /** When it vanished; 0: it did not. */
  vanishedMs = 0
  isOver = false
  /** When it was. */
  overMs = 0
  /** All of the preface has been said. */
  isIntroduced: boolean
  /** When it had said all that is read before the decision, if it has. */
  askedMs = 0
  /** What the gateway has said first of its client. */
  header: { readonly version: 1 | 2; readonly says: ProxyHeader } | null = null
  /** When it was the last to do anything. */
  activeMs = 0
  /** When it last took a byte. */
  heardMs = 0
  #flushed = 0
  /** Its handshake is made, and all of it was said. */
  #isShaken = false
  #willing = false
  /** Anything at all has come. */
  #hasHeard = false
  #isPlanned = false
  #nextMs = 0
  /** Pieces of the preface that were said. */
  #pieces = 0
  /** What the session wants to be said. */
  #out: Uint8Array[] = []
  /** The beginning of what may be a header; null once that is known. */
  #opening: Uint8Array | null
  /** The beginning of what may be a ClientHello; null once that is known. */
  #hello: Uint8Array | null
  /** The ClientHello that was heard. */
  heardHello = new Uint8Array(0)
  readonly #session: Session | null
  readonly #isServer: boolean
  readonly #world: World

  constructor(
    number: number,
    kind: string,
    script: Script,
    socket: Socket,
    world: World,
    {
      preface = null,
      session = null,
      shake = null,
      opening = null,
      serverName = '',
      asking = null,
      agreeing = null,
      isServer = false,
    }: Around = {},
  ) {
    this.number = number
    this.kind = kind
    this.script = opening
      ? { ...script, says: script.says + opening.bytes.length, ...opening.script }
      : script
    this.socket = socket
    this.preface = preface
    this.opening = opening
    this.serverName = serverName
    this.asking = asking
    this.agreeing = agreeing
    this.isIntroduced = preface === null
    this.#session = session
    this.shake = shake
    this.#isServer = isServer
    this.#opening = this.#hello = isServer ? new Uint8Array(0) : null
    this.#world = world
    socket.onChange = () => this.#plan(0)
    this.#plan(0)
    if (script.resetMs > 0) world.clock.in(script.resetMs, () => this.isOver || this.#reset())
  }

  /** Whether it has made its handshake: all of its own words were said. */
  get hasShaken(): boolean {
    return this.#isShaken
  }

  /** What it knows of its handshake; null: it makes none. */
  get shaken(): (Shaken & { readonly ticket: Ticket | null }) | null {
    const session = this.#session
    if (this.shake === null || session === null) return null
    const { peerVersion, hasResumed, ticket, offers } = session
    return { peerVersion, hasResumed, ticket, offered: offers }
  }

  /** The certificate by which its server knows it, this time or when it got its ticket. */
  get hasShown(): Shows {
    const { hasResumed = false, offered = null } = this.shaken ?? {}
    if (hasResumed && offered) return offered.shows
    return this.shake === null ? 'none' : showsOf(this.shake)
  }

  /** Its stream has ended, and its session has not said so. */
  get isCut(): boolean {
    return this.shake !== null && this.saidEnd && this.#session?.saidClose === false
  }

  /** Whether it may be told that it is wrong. */
  get #isOdd(): boolean {
    return this.shake !== null && this.shake.is !== 'right' && this.shake.is !== 'truncates'
  }

  /** Nobody waits for the end of the run because of this one. */
  get isWilling(): boolean {
    const { hears, ends, deafAt } = this.script
    return this.#willing || (hears !== 'nothing' && ends !== 'never' && deafAt === 0)
  }

  /**
   * It has not taken yet what is there, a little at a time as it does: whoever waits, waits for
   * this one.
   */
  get isBehind(): boolean {
    const hasHeardOfLate = this.#world.clock.nowMs - this.activeMs < BREATH_MS
    return this.script.hears === 'little' && (this.socket.incoming.queued > 0 || hasHeardOfLate)
  }

  /** Bytes that it has heard of the other one, but for what that says of itself first. */
  get heardPlain(): number {
    return this.#hello === null ? this.heard - this.heardHello.length : 0
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
    this.#world.clock.in(delayMs, () => {
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
    if (!this.#introduce() || !this.#ask() || !this.#agree() || !this.#flush()) return
    if (this.shake !== null && this.#session?.isBroken) {
      this.#leave()
      return
    }
    if (this.#session === null || this.#session.isReady) {
      if (!this.#isShaken) this.#shaken()
      this.#isShaken = true
      this.#say()
      if (!this.isOver) this.#end()
    } else if (this.#willing && this.heardEnd) this.#leave()
  }

  #shaken(): void {
    this.shakenMs = this.#world.clock.nowMs
    if (this.shake !== null) this.askedMs = this.shakenMs
  }

  /** Its machine is gone: it hears and says nothing more, nor does its kernel. */
  vanish(): void {
    this.vanishedMs = this.#world.clock.nowMs
    this.isBroken = true
    this.isOver = true
    this.socket.onChange = () => {}
    this.#world.network.vanish(this.socket)
  }

  // ── hearing

  #hear(): void {
    const { hears, deafAt } = this.script
    const isDeaf = (hears === 'nothing' && !this.asking?.awaits) || (deafAt > 0 && this.heard >= deafAt)
    if (isDeaf && !this.#willing && !this.socket.broken) return
    for (;;) {
      const most = hears === 'little' && !this.#willing ? this.#world.dice.size(200) : READ_MOST
      const result = this.#world.network.read(this.socket, scratch, most)
      if (result > 0) {
        this.#hasHeard = true
        this.#open(scratch.slice(0, result))
        this.activeMs = this.heardMs = this.#world.clock.nowMs
        if (this.isOver || (deafAt > 0 && this.heard >= deafAt && !this.#willing)) return
        if (hears !== 'little' || this.#willing) continue
        this.#plan(this.#world.dice.below(20))
        return
      }
      if (this.socket.broken) {
        this.isBroken = true
        this.#over()
        return
      }
      if (result === 0) this.#hearEnd()
      return
    }
  }

  #hearEnd(): void {
    // A connect that is given up ends without a word where it has just been accepted.
    // So may one that is given up in its handshake, or in the header before it.
    const mayBeGivenUp = this.shake !== null && this.#isServer && this.heard === 0
    if (this.#opening !== null && !mayBeGivenUp) this.#heardNoHeader(this.#opening)
    if (this.#session !== null && !this.#session.heardClose && this.#hasHeard && !mayBeGivenUp)
      this.#world.onBug(`peer ${this.number} heard an end that its session had not said`)
    this.heardEnd = true
  }

  /** What the gateway may say first of its client. */
  #open(bytes: Uint8Array): void {
    if (this.#opening === null) {
      this.#heardNoHeader(bytes)
      return
    }
    const opening = new Uint8Array(this.#opening.length + bytes.length)
    opening.set(this.#opening)
    opening.set(bytes, this.#opening.length)
    const says = createProxyHeader()
    const length = readProxyHeader(opening, 0, opening.length, 3, says)
    if (length === MORE) this.#opening = opening
    else if (length === INVALID) this.#heardNoHeader(opening)
    else {
      this.header = { version: opening[0] === 0x50 ? 1 : 2, says }
      this.#heardNoHeader(opening.subarray(length))
    }
  }

  #heardNoHeader(bytes: Uint8Array): void {
    this.#opening = null
    const { clock, onBug } = this.#world
    const heard = this.agreeing?.hear(bytes, clock.nowMs, onBug) ?? bytes
    const own = this.asking?.hear(heard, onBug) ?? heard
    if (own.length > 0) this.#unwrap(own)
  }

  /** Out of the records of the session. */
  #unwrap(bytes: Uint8Array): void {
    const session = this.#session
    if (session === null) {
      this.#check(bytes)
      return
    }
    session.receive(bytes, data => this.#check(data))
    if (session.isBroken && !this.#isOdd)
      this.#world.onBug(`peer ${this.number} cannot read its session (${session.failure} ${session.alert})`)
    if (session.heardClose) this.heardEnd = true
  }

  #check(bytes: Uint8Array): void {
    if (this.#hello === null) {
      this.#checkPlain(bytes)
      return
    }
    const hello = new Uint8Array(this.#hello.length + bytes.length)
    hello.set(this.#hello)
    hello.set(bytes, this.#hello.length)
    const length = helloBytes(hello)
    this.#hello = length < 0 ? hello : null
    this.heard += bytes.length
    if (length < 0) return
    this.heardHello = hello.slice(0, length)
    this.heard = length
    this.#checkPlain(hello.subarray(length))
  }

  #checkPlain(bytes: Uint8Array): void {
    const before = this.heardHello.length
    for (let at = 0; at < bytes.length; at++, this.heard++) {
      if (this.heard - before < 4) this.heardOf |= bytes[at] << (8 * (this.heard - before))
      else if (bytes[at] !== byteAt(this.heardOf, this.heard - before)) {
        this.#world.onBug(`peer ${this.number} heard a wrong byte at ${this.heard} of peer ${this.heardOf}`)
        return
      }
    }
  }

  // ── saying

  /** Whether all has been said that a load balancer says first. */
  #introduce(): boolean {
    const { preface } = this
    if (preface === null) return true
    while (this.#pieces < preface.pieces.length) {
      if (this.#waits()) return false
      const written = this.#write(preface.pieces[this.#pieces])
      if (!written) return false
      this.#pieces++
      if (preface.gapMs > 0 && !this.#willing)
        this.#nextMs = this.#world.clock.nowMs + this.#world.dice.below(preface.gapMs)
    }
    if (preface.next === 'talks') {
      if (!this.isIntroduced) this.askedMs = this.#world.clock.nowMs
      this.isIntroduced = true
      return true
    }
    if ((preface.next === 'ends' || this.#willing) && !this.saidEnd) {
      this.saidEnd = true
      this.#world.network.end(this.socket)
    }
    if (this.saidEnd && this.heardEnd) this.#leave()
    return false
  }

  /** Whether it has asked for TLS, and was told that it may begin. */
  #ask(): boolean {
    const { asking } = this
    if (asking === null) return true
    while (asking.next !== null) {
      if (!this.#write(asking.next)) return false
      asking.saidNext()
    }
    if (!asking.isDone && (this.heardEnd || this.#willing)) this.#leave()
    return asking.isDone
  }

  /** Whether it may speak, as a server that may be asked for TLS first. */
  #agree(): boolean {
    const { agreeing } = this
    if (agreeing === null) return true
    if (agreeing.reply !== null) {
      if (!this.#write(agreeing.reply)) return false
      agreeing.reply = null
    }
    if (!agreeing.isRefusing) return this.heard > 0 || this.heardEnd
    if (this.heardEnd || this.#willing) this.#leave()
    return false
  }

  #waits(): boolean {
    const leftMs = this.#nextMs - this.#world.clock.nowMs
    if (leftMs > 0) this.#plan(leftMs)
    return leftMs > 0
  }

  /** All of them, or false: there is too little room, or the connection is broken. */
  #write(bytes: Uint8Array): boolean {
    if (this.socket.outgoing.room < bytes.length && !this.socket.broken) return false
    const result = this.#world.network.write(this.socket, bytes)
    if (result > 0) this.activeMs = this.#world.clock.nowMs
    if (result < 0) {
      this.isBroken = true
      this.#over()
    }
    return result === bytes.length
  }

  /** Whether the session has nothing left that it wants to be said. */
  #flush(): boolean {
    if (this.#session === null) return true
    this.#out.push(...this.#session.takeOut())
    while (this.#out.length > 0) {
      if (this.#isLeft()) return false
      if (this.#isSlow && this.#waits()) return false
      const [first] = this.#out
      const piece = first.subarray(0, Math.min(this.#pieceMost(), Math.max(1, this.socket.outgoing.room)))
      if (!this.#write(piece)) return false
      this.#flushed += piece.length
      if (this.#isSlow)
        this.#nextMs = this.#world.clock.nowMs + this.#world.dice.below(this.shake?.gapMs ?? 0)
      if (piece.length < first.length) this.#out[0] = first.subarray(piece.length)
      else this.#out.shift()
    }
    return true
  }

  get #isSlow(): boolean {
    return this.shake !== null && this.shake.gapMs > 0 && !this.#isShaken && !this.#willing
  }

  #pieceMost(): number {
    const { shake } = this
    if (shake === null || this.#isShaken) return READ_MOST
    const before = this.hasStruck || shake.at <= this.#flushed ? READ_MOST : shake.at - this.#flushed
    return Math.min(shake.piece, before)
  }

  /** Whether it says nothing more: what it does in a handshake that it should not. */
  #isLeft(): boolean {
    const { shake } = this
    if (shake === null || this.#isShaken) return false
    const isDue = this.#flushed >= shake.at && STRIKES.has(shake.is)
    if (!this.hasStruck && isDue) {
      this.hasStruck = true
      if (shake.is === 'garbles') {
        this.#out[0] = this.#out[0].slice()
        this.#out[0][0] ^= 0x55
      } else if (shake.is === 'resets') this.#reset()
      else if (shake.is === 'quits') {
        this.saidEnd = true
        this.#world.network.end(this.socket)
      }
    }
    if (!this.hasStruck || shake.is === 'garbles') return false
    if (!this.isOver && (this.heardEnd || this.#willing)) this.#leave()
    return true
  }

  #say(): void {
    const { script } = this
    if (
      this.saidEnd ||
      this.said >= script.says ||
      (this.heard < script.after && !this.heardEnd && !this.#willing && this.said >= this.#openingBytes)
    )
      return
    if (this.#waits()) return
    const { clock, dice } = this.#world
    const bytes = Math.min(script.says - this.said, script.piece, READ_MOST)
    this.#fill(bytes)
    const result = this.#session === null ? this.#sayPlain(bytes) : this.#sayRecords(bytes)
    if (result < 0) return
    const isAsking = this.opening?.is === 'whole' && this.said < this.#openingBytes
    this.said += result
    if (isAsking && this.said >= this.#openingBytes) this.askedMs = clock.nowMs
    if (result > 0) this.activeMs = clock.nowMs
    this.#nextMs = clock.nowMs + (script.gapMs > 0 && !this.#willing ? dice.below(script.gapMs) : 0)
    if (result > 0 && this.said < script.says) this.#plan(this.#nextMs - clock.nowMs)
    else if (result > 0) this.#plan(0)
  }

  get #openingBytes(): number {
    return this.opening?.bytes.length ?? 0
  }

  /** The next `count` bytes of the payload, into `scratch`. */
  #fill(count: number): void {
    const { said, number, opening } = this
    const first = this.#openingBytes
    for (let at = 0, offset = said; at < count; at++, offset++)
      scratch[at] = offset < first ? (opening as Opening).bytes[offset] : byteAt(number, offset - first)
  }

  #sayPlain(bytes: number): number {
    const result = this.#world.network.write(this.socket, scratch.subarray(0, bytes))
    if (result < 0) {
      this.isBroken = true
      this.#over()
    }
    return result
  }

  #sayRecords(bytes: number): number {
    this.#session?.say(scratch.slice(0, bytes))
    this.#flush()
    return this.isOver ? -1 : bytes
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
      if (this.shake?.is !== 'truncates') this.#session?.close()
    }
    if (!this.saidEnd || !this.#flush()) return
    this.#world.network.end(this.socket)
    if (this.heardEnd) this.#leave()
  }

  #reset(): void {
    this.hasReset = true
    this.isBroken = true
    this.#world.network.abort(this.socket)
    this.#over()
  }

  #leave(): void {
    this.saidEnd = true
    this.#world.network.close(this.socket)
    this.#over()
  }

  #over(): void {
    this.isOver = true
    this.overMs = this.#world.clock.nowMs
    this.socket.onChange = () => {}
    this.#world.network.close(this.socket)
  }
}
