/**
 * Deadlines by number: a hierarchical timing wheel (Varghese and Lauck, "Hashed and Hierarchical
 * Timing Wheels", 1987). Arming, clearing and firing cost the same however many are armed, and none
 * of it allocates.
 *
 * Time is counted in ticks, and a tick is read as digits of 5 bits. An entry stands on the level of
 * the highest digit in which its tick differs from the present one, in the bucket of that digit:
 *
 *   level 0   32 buckets of one tick    (16 ms)   fired when their tick comes
 *   level 1   32 buckets of 32 ticks    (0.5 s)   spread over the levels below, at their first tick
 *   …
 *   the rest                            (beyond 199 days)
 *
 * No bucket of a level lies before the present. So what comes next is the lowest bucket that is
 * taken of the lowest level that has one; a bit for each bucket finds it. No entry fires early, and
 * none more than a tick late.
 *
 * A deadline that moves later needs no update: the old one fires, and the caller arms it again.
 */

/** The maximum delay of an entry, if `expire` is called as soon as `nextMs` has come. */
const TICK_MS = 16

const DIGIT_BITS = 5
const BUCKETS = 1 << DIGIT_BITS
/** Levels with a digit; a last bucket holds everything beyond them. */
const LEVELS = 6
const FAR = LEVELS * BUCKETS
/** 199 days of ticks: what the digits can tell apart. */
const AGE = 2 ** (LEVELS * DIGIT_BITS)
const NONE = 0

export class TimerWheel {
  #nowTick: number
  /** By entry: its tick, 0 if it is not armed; its bucket; its neighbours there, plus 1. */
  readonly #tick: Float64Array
  readonly #bucket: Uint8Array
  readonly #next: Int32Array
  readonly #previous: Int32Array
  /** By bucket: its first entry, plus 1. */
  readonly #first = new Int32Array(FAR + 1)
  /** By level: one bit per bucket with an entry. */
  readonly #taken = new Int32Array(LEVELS)

  /** @param entries  Numbers from 0 to `entries` − 1 can be armed. */
  constructor(entries: number, nowMs: number) {
    this.#nowTick = Math.floor(nowMs / TICK_MS)
    this.#tick = new Float64Array(entries)
    this.#bucket = new Uint8Array(entries)
    this.#next = new Int32Array(entries)
    this.#previous = new Int32Array(entries)
  }

  /** When `expire` is due, or earlier; Infinity if nothing is armed. */
  get nextMs(): number {
    return this.#nextTick() * TICK_MS
  }

  /** Ensures that `entry` fires at `atMs` or before; Infinity changes nothing. */
  arm(entry: number, atMs: number): void {
    if (atMs === Number.POSITIVE_INFINITY) return
    // Always in the future: an entry armed during `expire` fires in a later call.
    const tick = Math.max(Math.ceil(atMs / TICK_MS), this.#nowTick + 1)
    const armed = this.#tick[entry]
    if (armed !== 0 && armed <= tick) return
    if (armed !== 0) this.#unlink(entry)
    this.#tick[entry] = tick
    this.#link(entry)
  }

  /** Disarms `entry`. */
  clear(entry: number): void {
    if (this.#tick[entry] === 0) return
    this.#unlink(entry)
    this.#tick[entry] = 0
  }

  /** Calls `fire` with each due entry. By then it is disarmed; `fire` may arm and clear any. */
  expire(nowMs: number, fire: (entry: number) => void): void {
    const untilTick = Math.floor(nowMs / TICK_MS)
    for (let tick = this.#nextTick(); tick <= untilTick; tick = this.#nextTick()) {
      const bucket = this.#nextBucket()
      this.#nowTick = tick
      if (bucket < BUCKETS) this.#fireAll(bucket, fire)
      else this.#spread(bucket)
    }
    this.#nowTick = Math.max(this.#nowTick, untilTick)
  }

  /** One at a time: the call before may clear any of them. */
  #fireAll(bucket: number, fire: (entry: number) => void): void {
    while (this.#first[bucket] !== NONE) {
      const entry = this.#first[bucket] - 1
      this.clear(entry)
      fire(entry)
    }
  }

  /** Each moves to a lower level. */
  #spread(bucket: number): void {
    let entry = this.#first[bucket] - 1
    this.#first[bucket] = NONE
    this.#free(bucket)
    while (entry >= 0) {
      const next = this.#next[entry] - 1
      this.#link(entry)
      entry = next
    }
  }

  #nextBucket(): number {
    for (let level = 0; level < LEVELS; level++)
      if (this.#taken[level] !== 0) return level * BUCKETS + lowestBit(this.#taken[level])
    return FAR
  }

  /** The first tick of the next bucket that has an entry. */
  #nextTick(): number {
    const bucket = this.#nextBucket()
    const age = Math.floor(this.#nowTick / AGE)
    if (bucket === FAR) return this.#first[FAR] === NONE ? Number.POSITIVE_INFINITY : (age + 1) * AGE
    const shift = (bucket >>> DIGIT_BITS) * DIGIT_BITS
    const above = Math.floor(this.#nowTick / 2 ** (shift + DIGIT_BITS)) * 2 ** (shift + DIGIT_BITS)
    return above + (bucket & (BUCKETS - 1)) * 2 ** shift
  }

  #bucketOf(tick: number): number {
    const age = Math.floor(tick / AGE) * AGE
    const now = this.#nowTick - age
    if (now < 0) return FAR
    const digits = tick - age
    const level = Math.floor((31 - Math.clz32((digits ^ now) | 1)) / DIGIT_BITS)
    return level * BUCKETS + ((digits >>> (level * DIGIT_BITS)) & (BUCKETS - 1))
  }

  #link(entry: number): void {
    const bucket = this.#bucketOf(this.#tick[entry])
    const first = this.#first[bucket]
    this.#bucket[entry] = bucket
    this.#previous[entry] = NONE
    this.#next[entry] = first
    if (first !== NONE) this.#previous[first - 1] = entry + 1
    this.#first[bucket] = entry + 1
    if (bucket !== FAR) this.#taken[bucket >>> DIGIT_BITS] |= 1 << (bucket & (BUCKETS - 1))
  }

  #unlink(entry: number): void {
    const bucket = this.#bucket[entry]
    const next = this.#next[entry]
    const previous = this.#previous[entry]
    if (next !== NONE) this.#previous[next - 1] = previous
    if (previous !== NONE) this.#next[previous - 1] = next
    else this.#first[bucket] = next
    if (this.#first[bucket] === NONE) this.#free(bucket)
  }

  #free(bucket: number): void {
    if (bucket !== FAR) this.#taken[bucket >>> DIGIT_BITS] &= ~(1 << (bucket & (BUCKETS - 1)))
  }
}

const lowestBit = (bits: number): number => 31 - Math.clz32(bits & -bits)
