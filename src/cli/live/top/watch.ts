/**
 * The moving part of `weir top`: it looks at the gateway again and again, and draws after each
 * answer, key and resize. One look at a time, so a slow gateway is not asked more than it answers.
 * A gateway that is gone is asked again until it is back.
 */

import { monotonicMs } from '../../../base/clock.ts'
import type { Output } from '../../env.ts'
import { NoAnswer } from '../answered.ts'
import type { Client } from '../client.ts'
import { durationText } from '../format.ts'
import { frameLines, listHeight, type Picture, reachOf, shownRows } from './frame.ts'
import { keysOf } from './keys.ts'
import type { Row } from './list.ts'
import { baseOf, type Look, look } from './look.ts'
import { type Level, levelOf, press, START, type State } from './state.ts'

const HOME = '\u001b[H'
const CLEAR_LINE = '\u001b[2K'
const REST_OF_SCREEN = '\u001b[J'

/** The first rates come after this time, or after the interval if that is shorter. */
const FIRST_RATES_MS = 250
/** A look that takes longer than the interval and this is no answer. */
const PATIENCE_MS = 2_000
/** Looks that are kept: rates are counted from one of them. */
const LOOKS_MAX = 4

export class Watch {
  readonly #client: Client
  readonly #intervalMs: number
  readonly #stdout: Output
  readonly #colours: boolean
  readonly #ended = Promise.withResolvers<void>()
  #state: State = START
  #now: Look
  #before: readonly Look[] = []
  #timer: NodeJS.Timeout | null = null
  #isLooking = false
  /** Something else is wanted than what is being asked for. */
  #isStale = false
  #answeredMs = monotonicMs()
  #refusal: string | null = null

  constructor(client: Client, intervalMs: number, first: Look, stdout: Output, colours: boolean) {
    this.#client = client
    this.#intervalMs = intervalMs
    this.#now = first
    this.#stdout = stdout
    this.#colours = colours
  }

  /** Resolves once somebody quits. */
  get ended(): Promise<void> {
    return this.#ended.promise
  }

  begin(): void {
    this.draw()
    this.#again(Math.min(this.#intervalMs, FIRST_RATES_MS))
  }

  quit(): void {
    if (this.#timer) clearTimeout(this.#timer)
    this.#timer = null
    this.#ended.resolve()
  }

  type(sent: string): void {
    for (const key of keysOf(sent)) {
      const next = press(this.#state, key, this.#seen())
      if (next === null) {
        this.quit()
        return
      }
      const isSame = isSameQuestion(levelOf(this.#state), levelOf(next))
      const wasPaused = this.#state.isPaused
      this.#state = next
      if (!isSame || (wasPaused && !next.isPaused)) this.#lookNow()
    }
    this.draw()
  }

  get #base(): Look | null {
    return baseOf(this.#before, this.#now)
  }

  draw(): void {
    const lines = frameLines(this.#picture(), this.#stdout.size)
    // Cleared before it is written: at the right edge, the cursor stands on the last character.
    this.#stdout.write(HOME + lines.map(line => CLEAR_LINE + line).join('\r\n') + REST_OF_SCREEN)
  }

  #picture(): Picture {
    return {
      state: this.#state,
      now: this.#now,
      base: this.#base,
      trouble: this.#trouble(),
      hasKeys: true,
      colours: this.#colours,
    }
  }

  #trouble(): string | null {
    const silentMs = monotonicMs() - this.#answeredMs
    const since = `for ${durationText(silentMs)}; weir top asks again`
    if (this.#refusal !== null) return `${this.#refusal}, ${since}`
    const isSilent = this.#isLooking && silentMs > this.#intervalMs + PATIENCE_MS
    return isSilent ? `no answer from ${this.#client.where} ${since}` : null
  }

  #seen() {
    const { page } = this.#now
    const rows = this.#rows()
    const isHere = this.#now.level.place === levelOf(this.#state).place
    const row = (at: number) => (isHere ? rows[at - page.first] : undefined)
    return {
      total: isHere ? reachOf(this.#now, rows) : 0,
      height: listHeight(this.#picture(), this.#stdout.size),
      enter: row(levelOf(this.#state).at)?.enter ?? null,
      keyAt: (at: number) => row(at)?.key ?? null,
    }
  }

  #rows(): readonly Row[] {
    return shownRows(this.#now, this.#base, this.#stdout.size.columns)
  }

  #again(afterMs: number): void {
    if (this.#timer) clearTimeout(this.#timer)
    this.#timer = setTimeout(() => this.#tick(), afterMs)
  }

  #tick(): void {
    this.#again(this.#intervalMs)
    if (this.#isLooking)
      this.draw() // how long nothing has come
    else if (!this.#state.isPaused) void this.#look()
  }

  #lookNow(): void {
    if (this.#isLooking) this.#isStale = true
    else void this.#look()
  }

  async #look(): Promise<void> {
    this.#isLooking = true
    const level = levelOf(this.#state)
    try {
      this.#take(level, await look(this.#client, level))
    } catch (error) {
      if (!(error instanceof NoAnswer)) throw error
      this.#refusal = error.message
    }
    this.#isLooking = false
    if (this.#timer === null) return // somebody has quit
    this.draw()
    if (this.#isStale) {
      this.#isStale = false
      void this.#look()
    }
  }

  #take(level: Level, found: Look): void {
    this.#answeredMs = monotonicMs()
    this.#refusal = null
    if (!isSameQuestion(level, levelOf(this.#state))) return // of a list that was left
    const isSameProcess = found.summary.uptimeS >= this.#now.summary.uptimeS
    this.#before = isSameProcess ? [...this.#before, this.#now].slice(-LOOKS_MAX) : []
    this.#now = found
    this.#follow()
  }

  /** The cursor stays with its row. */
  #follow(): void {
    const level = levelOf(this.#state)
    const { page } = this.#now
    const rows = this.#rows()
    const index = level.key === null ? -1 : rows.findIndex(({ key }) => key === level.key)
    const last = Math.max(0, reachOf(this.#now, rows) - 1)
    const at = index >= 0 ? index + page.first : Math.min(level.at, last)
    const levels = [...this.#state.levels.slice(0, -1), { ...level, at }]
    this.#state = { ...this.#state, levels }
  }
}

/** Whether one answer serves both; far from its rows, a cursor needs others. */
const NEAR = 40

const isSameQuestion = (a: Level, b: Level): boolean =>
  a.place === b.place &&
  a.filter === b.filter &&
  a.show === b.show &&
  a.order === b.order &&
  a.isReversed === b.isReversed &&
  Math.abs(a.at - b.at) < NEAR
