/**
 * The checker: runs the health checks of all destinations, one for each address and port, on the
 * main thread, and marks endpoints that are down for all workers.
 *
 *   up ─`fall` checks in a row fail─▶ down ─`rise` checks in a row succeed─▶ up
 *
 * An endpoint is up until its checks say otherwise. While the last one has failed, clients are sent
 * to others, if there are any (engine/decide/draw.ts); that takes nothing from those that it has,
 * and the next check that succeeds ends it. Of endpoints that fail together none gets the clients
 * of the one that is down first. Checks are quick, a quarter of the interval
 * apart, while one contradicts the state, and after an endpoint went down: most servers that end
 * are started again soon. A connect that fails brings the next check forward. Until that one has
 * ended, and as long as checks fail, no client tries an endpoint whose last connect failed (hold in
 * stats/backoffs.ts).
 *
 * An interval is from the beginning of one check to that of the next, so a check that times out is
 * followed at once. Checks begin at random moments, and each interval is a little longer or shorter
 * than the last, so that they do not come together.
 */

import { hold, noteSuccess, release } from '../../stats/backoffs.ts'
import { clearMark, Mark, setMark } from '../../stats/endpoint-marks.ts'
import type { Stats } from '../../stats/stats.ts'
import type { HealthCheck } from '../../table/plan/health-check.ts'
import type { Logger } from '../observe/log.ts'
import { ConcurrencyLimit } from './concurrency-limit.ts'
import type { HealthWorld } from './health-world.ts'
import type { Verdict } from './probe.ts'
import type { Warmups } from './warmups.ts'

const LEAST_MS = 100
const JITTER = 0.1
/** Quick checks are so much quicker, and go on for so many intervals after one went down. */
const QUICKER = 4
const QUICK_INTERVALS = 10
/** How often it looks which endpoints have failed a client. */
const LOOK_MS = 100
/** Then the next check begins so long after the last one at most: clients wait for its end. */
const SOON_MS = 1_000
/** For the answer of a check to be taken. */
const SPARE_MS = 100

/** An endpoint to be checked. */
export type Checked = {
  readonly address: string
  readonly port: number
  /** "10.0.0.1:80". */
  readonly text: string
  readonly slot: number
  readonly check: HealthCheck
}

type Target = {
  checked: Checked
  isUp: boolean
  /** Results in a row that contradict the state. */
  doubts: number
  verdict: Verdict
  /** When it went down; 0: it has not. */
  downMs: number
  passed: number
  failed: number
  /** When the last check began, and when the next one is due. */
  beganMs: number
  dueMs: number
  /** The client's failure that was seen last (stats/endpoint-marks.ts). */
  seenError: number
  /** Clients wait for the check that a failure has brought forward. */
  isAwaited: boolean
  /** Calls the next check off. */
  callOff: () => void
  giveUp: (() => void) | null
}

/** What the checks say of an endpoint. */
export type CheckState = {
  readonly kind: HealthCheck['kind']
  readonly isUp: boolean
  /** Null: the last check was well. */
  readonly verdict: Verdict
  readonly passed: number
  readonly failed: number
}

type CheckerOptions = {
  readonly stats: Stats
  readonly log: Logger
  readonly world: HealthWorld
  readonly warmups: Warmups
  /** An endpoint has gone down whose connections are to be closed. */
  readonly onClose: (checked: Checked) => void
  /** An endpoint that is up has passed another check. */
  readonly onPassed: (checked: Checked) => void
}

export class Checker {
  readonly #options: CheckerOptions
  #targets = new Map<string, Target>()
  readonly #limit = new ConcurrencyLimit()
  #stopLooking: (() => void) | null = null

  constructor(options: CheckerOptions) {
    this.#options = options
  }

  /**
   * Checks these from now on. Of several checks the first holds. A check that stays the same goes
   * on, even in the middle: with changes in quick succession a slow endpoint would never be judged.
   */
  follow(all: Iterable<Checked>): void {
    const { chance } = this.#options.world
    const before = this.#targets
    const now = new Map<string, Target>()
    for (const checked of all) {
      if (checked.slot === 0 || now.has(checked.text)) continue
      now.set(checked.text, this.#continued(before.get(checked.text), checked))
    }
    this.#targets = now
    for (const [text, target] of before) {
      if (now.get(text) !== target) this.#stop(target)
      if (!now.has(text)) clearMark(this.#options.stats.marks, target.checked.slot, Mark.doubted)
      if (!target.isUp && !now.has(text)) this.#options.warmups.unmark(target.checked.slot, Mark.down)
    }
    this.#lookOrNot()
    for (const [text, target] of now) {
      if (!target.isUp) this.#mark(target)
      if (before.get(text) !== target) this.#plan(target, chance() * target.checked.check.intervalMs)
    }
    this.#limit.next()
  }

  stateOf(text: string): CheckState | null {
    const target = this.#targets.get(text)
    if (!target) return null
    const { checked, isUp, verdict, passed, failed } = target
    return { kind: checked.check.kind, isUp, verdict, passed, failed }
  }

  *states(): Generator<readonly [endpoint: string, state: CheckState]> {
    for (const text of this.#targets.keys()) {
      const state = this.stateOf(text)
      if (state) yield [text, state]
    }
  }

  close(): void {
    for (const target of this.#targets.values()) this.#stop(target)
    this.#targets = new Map()
    this.#lookOrNot()
  }

  #lookOrNot(): void {
    const { world } = this.#options
    if (this.#targets.size > 0) this.#stopLooking ??= world.every(LOOK_MS, () => this.#look())
    else {
      this.#stopLooking?.()
      this.#stopLooking = null
    }
  }

  /** Clients have met failures of which the checks do not know yet. */
  #look(): void {
    const { lastErrors } = this.#options.stats
    for (const target of this.#targets.values()) {
      const error = lastErrors[target.checked.slot]
      if (error === target.seenError || target.giveUp !== null) continue
      target.seenError = error
      if (error !== 0 && target.isUp) this.#hasten(target)
    }
  }

  #hasten(target: Target): void {
    const { world } = this.#options
    const nowMs = world.nowMs()
    const dueMs = Math.max(nowMs, target.beganMs + Math.min(quickMs(target.checked.check), SOON_MS))
    if (dueMs >= target.dueMs) return
    target.callOff()
    target.isAwaited = true
    this.#holdBack(target, dueMs - nowMs)
    this.#plan(target, dueMs - nowMs)
  }

  /** Another check of an endpoint begins with the state that the one before had found. */
  #continued(known: Target | undefined, checked: Checked): Target {
    if (known && JSON.stringify(known.checked.check) === JSON.stringify(checked.check)) {
      known.checked = checked
      return known
    }
    const { isUp = true, verdict = null, passed = 0, failed = 0 } = known ?? {}
    const now = { isUp, verdict, passed, failed }
    const times = { downMs: 0, beganMs: Number.NEGATIVE_INFINITY, dueMs: 0 }
    const seenError = this.#options.stats.lastErrors[checked.slot]
    const fresh = { doubts: 0, isAwaited: false, callOff: () => {}, giveUp: null }
    return { checked, seenError, ...times, ...fresh, ...now }
  }

  #plan(target: Target, afterMs: number): void {
    const { world } = this.#options
    target.dueMs = world.nowMs() + afterMs
    target.callOff = world.after(afterMs, () => {
      target.callOff = this.#limit.take(() => this.#check(target))
    })
  }

  #check(target: Target): void {
    const { world } = this.#options
    target.beganMs = world.nowMs()
    target.giveUp = world.probe(target.checked, target.checked.check, verdict => {
      this.#limit.end()
      target.giveUp = null
      this.#take(target, verdict)
      const pauseMs = Math.max(target.beganMs + this.#interval(target) - world.nowMs(), 0)
      if (verdict !== null) this.#holdBack(target, pauseMs)
      this.#plan(target, pauseMs)
      this.#limit.next()
    })
  }

  #interval(target: Target): number {
    const { world } = this.#options
    const { intervalMs } = target.checked.check
    const ms = this.#isQuick(target) ? quickMs(target.checked.check) : intervalMs
    return ms * (1 + JITTER * (2 * world.chance() - 1))
  }

  #isQuick({ checked: { check }, doubts, isUp, downMs }: Target): boolean {
    const quickMs = QUICK_INTERVALS * check.intervalMs
    return doubts > 0 || (!isUp && this.#options.world.nowMs() - downMs < quickMs)
  }

  /** Until the next check has ended. */
  #holdBack({ checked: { slot, check } }: Target, pauseMs: number): void {
    const { stats, world } = this.#options
    const nowMs = world.nowMs()
    hold(stats.backoffs, slot, nowMs, nowMs + pauseMs + check.timeoutMs + SPARE_MS)
  }

  /** A client may try it. */
  #release({ checked: { slot } }: Target): void {
    const { stats, world } = this.#options
    release(stats.backoffs, slot, world.nowMs())
  }

  #take(target: Target, verdict: Verdict): void {
    const { check } = target.checked
    target.verdict = verdict
    if (verdict === null) target.passed++
    else target.failed++
    target.doubts = (verdict === null) === target.isUp ? 0 : target.doubts + 1
    this.#doubt(target, verdict !== null && target.isUp)
    if (verdict === null && target.isAwaited) this.#release(target)
    target.isAwaited = false
    if (verdict === null && target.isUp) this.#options.onPassed(target.checked)
    if (target.doubts < (target.isUp ? check.fall : check.rise)) return
    target.isUp = !target.isUp
    target.doubts = 0
    if (!target.isUp) target.downMs = this.#options.world.nowMs()
    this.#doubt(target, false)
    this.#mark(target)
    this.#tell(target)
    if (target.isUp) this.#options.onPassed(target.checked)
    if (!target.isUp && check.onDown === 'close') this.#options.onClose(target.checked)
  }

  #doubt({ checked: { slot } }: Target, isDoubted: boolean): void {
    const { marks } = this.#options.stats
    if (isDoubted) setMark(marks, slot, Mark.doubted)
    else clearMark(marks, slot, Mark.doubted)
  }

  #mark({ checked: { slot }, isUp }: Target): void {
    const { stats, warmups } = this.#options
    if (isUp) noteSuccess(stats.backoffs, slot)
    if (isUp) warmups.unmark(slot, Mark.down)
    else setMark(stats.marks, slot, Mark.down)
  }

  #tell({ checked: { text, check }, isUp, verdict }: Target): void {
    const { log } = this.#options
    if (isUp) log.info({ endpoint: text }, `${text} is up: ${check.rise} checks in a row have succeeded`)
    else
      log.warn(
        { endpoint: text, error: verdict },
        `${text} is down: ${check.fall} checks in a row have failed (${verdict})`,
      )
  }

  #stop(target: Target): void {
    target.callOff()
    if (target.giveUp === null) return
    this.#limit.end()
    target.giveUp()
    target.giveUp = null
  }
}

const quickMs = ({ intervalMs }: HealthCheck): number => Math.max(intervalMs / QUICKER, LEAST_MS)
