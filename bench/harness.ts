/**
 * The harness: one way of measuring for all benches.
 *
 *   parameter      a small size under `npm test` and --quick, a large one otherwise
 *   compare        rivals at the same work: warmed up, then in turn A B A B, round by round
 *   latency        percentiles of single operations, by a histogram for each round
 *   time           a step of some milliseconds, round by round
 *   record         a figure that was counted, not timed
 *   distribution   all percentiles of what was timed elsewhere
 *   chart          which of these to draw, and how
 *   say            what the figures mean, in words
 *   answer         the same for what the whole run is asked: reports begin with it
 *   fail           what must not be, however quick
 *
 * Every loop returns a checksum of its answers. It keeps the work from being optimised away, and
 * rivals that disagree end the run: the speed of a wrong answer is worthless.
 */

import assert from 'node:assert/strict'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { monotonicMs } from '../src/base/clock.ts'
import { type Chart, missingIn } from './chart.ts'
import { type Ladder, ladderOf } from './ladder.ts'
import { assertAgree, type Contender, warmUp } from './rivals.ts'
import { histogramOf, timeEach } from './single.ts'
import { type Better, betterOf, type Unit } from './units.ts'

export type { Unit } from './units.ts'

/** One axis: its figures, round by round. */
export type Result = {
  readonly bench: string
  readonly group: string
  readonly name: string
  readonly unit: Unit
  readonly better: Better
  readonly rounds: readonly number[]
  /** The goal: at most this much (at least, if more is better); null: none. */
  readonly goal: number | null
  /** Another axis of the group, to show this one as a multiple of it. */
  readonly beside: string | null
  readonly checksum: number | null
}

/** Latencies as a ladder of percentiles for each round, to draw curves. */
export type Distribution = {
  readonly group: string
  readonly name: string
  readonly unit: Unit
  readonly rounds: readonly Ladder[]
}

export type BenchOptions = {
  readonly name: string
  readonly scale: 'small' | 'large'
  /** Called before each group, which can take seconds. */
  readonly onGroup: (group: string) => void
  /** Called when each round of the group begins; `of` if the number of rounds is known. */
  readonly onRound?: (round: number, of: number) => void
  readonly choices?: Choices
}

/** Further options of a run. */
export type Choices = {
  /** Of the gateway, where a bench runs one. */
  readonly engine?: 'uring' | 'epoll' | 'node'
  /** Of `soak`: short connections, and those that stay. */
  readonly connections?: number
  readonly held?: number
}

/** A group that has taken this long gets no further round, once rivals have had ROUNDS_LEAST. */
const GROUP_MS_MAX = 1_000
const ROUNDS_LEAST = 3

setFlagsFromString('--expose-gc')
/** Collects the garbage of the setup now, not on the other processor during timed rounds. */
const collectGarbage = runInNewContext('gc') as () => void

export class Bench {
  readonly results: Result[] = []
  readonly distributions: Distribution[] = []
  readonly charts: Chart[] = []
  /** Sentences about the results, in order. */
  readonly statements: string[] = []
  readonly failures: string[] = []
  readonly answers: string[] = []
  readonly #options: BenchOptions

  constructor(options: BenchOptions) {
    this.#options = options
  }

  parameter<T>(small: T, large: T): T {
    return this.#options.scale === 'small' ? small : large
  }

  get choices(): Choices {
    return this.#options.choices ?? {}
  }

  get #rounds(): number {
    return this.parameter(ROUNDS_LEAST, 9)
  }

  /**
   * Nanoseconds per operation for each contender, all with the same `operations`; relative to the
   * first.
   */
  compare(group: string, operations: number, contenders: readonly Contender[]): void {
    this.#options.onGroup(group)
    assertAgree(group, operations, contenders)
    collectGarbage()
    const counts = contenders.map(({ most = operations }) => Math.min(most, operations))
    const rounds = contenders.map((): number[] => [])
    const checksums = contenders.map(({ run }, index) => warmUp(run, counts[index]))
    for (const _ of this.#roundsInTime()) {
      for (const [index, { run }] of contenders.entries()) {
        const startedMs = monotonicMs()
        const checksum = run(counts[index])
        rounds[index].push(((monotonicMs() - startedMs) * 1e6) / counts[index])
        assert.equal(checksum, checksums[index], `${group}: the same work gave another answer`)
      }
    }
    for (const [index, { name, goalNs = null }] of contenders.entries()) {
      this.#add(group, name, 'ns', rounds[index], {
        goal: goalNs,
        beside: index === 0 ? null : contenders[0].name,
        checksum: checksums[index],
      })
    }
  }

  /**
   * Percentiles of single operations 0 … operations − 1, in nanoseconds.
   *
   * Two readings of the clock enclose each; their own cost is measured and subtracted.
   */
  latency(
    group: string,
    operations: number,
    operation: (index: number) => number,
    goalsNs: Partial<Record<Percentile, number>> = {},
  ): void {
    this.#options.onGroup(group)
    const times = new Float64Array(operations)
    timeEach(operation, times)
    collectGarbage()
    const rounds = Object.fromEntries(PERCENTILES.map(name => [name, [] as number[]]))
    let checksum = 0
    const ladders: Ladder[] = []
    for (const _ of this.#roundsInTime()) {
      timeEach(() => 0, times)
      const clockNs = histogramOf(times).getValueAtPercentile(50)
      checksum = timeEach(operation, times)
      const found = histogramOf(times)
      ladders.push(ladderOf(found, clockNs))
      for (const name of PERCENTILES) {
        rounds[name].push(Math.max(0, found.getValueAtPercentile(Number(name.slice(1))) - clockNs))
      }
    }
    for (const name of PERCENTILES) {
      this.#add(group, name, 'ns', rounds[name], { goal: goalsNs[name] ?? null, checksum })
    }
    this.distribution(group, 'weir', 'ns', ladders)
  }

  /**
   * Milliseconds of `step`, and its last result; `rounds` if it is too slow for the usual number.
   */
  time<T>(
    group: string,
    name: string,
    step: () => T,
    { rounds = this.#rounds, goalMs = null as number | null } = {},
  ): T {
    this.#options.onGroup(`${group}: ${name}`)
    const taken: number[] = []
    for (let spentMs = 0; ; ) {
      this.round(taken.length + 1, rounds)
      const startedMs = monotonicMs()
      const made = step()
      taken.push(monotonicMs() - startedMs)
      spentMs += taken[taken.length - 1]
      if (taken.length < rounds && spentMs < GROUP_MS_MAX) continue
      this.#add(group, name, 'ms', taken, { goal: goalMs })
      return made
    }
  }

  /** Announces work that is not one of the methods here. */
  begin(group: string): void {
    this.#options.onGroup(group)
  }

  /** Announces that round `round` of `of` begins, counted from 1. */
  round(round: number, of: number): void {
    this.#options.onRound?.(round, of)
  }

  /** A figure from elsewhere: one value, or one for each round. */
  record(
    group: string,
    name: string,
    unit: Unit,
    values: number | readonly number[],
    goal: number | null = null,
    { better = betterOf(unit) }: { readonly better?: Better } = {},
  ): void {
    this.#add(group, name, unit, typeof values === 'number' ? [values] : values, { goal, better })
  }

  distribution(group: string, name: string, unit: Unit, rounds: readonly Ladder[]): void {
    this.distributions.push({ group, name, unit, rounds })
  }

  /** Draws figures that exist already; naming a missing one is a mistake of the bench. */
  chart(chart: Chart): void {
    const missing = missingIn(chart, this.results, this.distributions)
    assert.equal(missing, null, `${chart.title}: there is no ${missing}`)
    this.charts.push(chart)
  }

  /** A failure, independent of the figures: the run goes on, and ends as failed. */
  fail(statement: string): void {
    this.failures.push(statement)
  }

  /** The answer of a bench to what a run is for: reports begin with it. */
  answer(sentence: string): void {
    this.answers.push(sentence)
  }

  /** An explanation of figures. */
  say(statement: string): void {
    this.statements.push(statement)
  }

  *#roundsInTime(): Generator<number> {
    const startedMs = monotonicMs()
    for (let round = 0; round < this.#rounds; round++) {
      if (round >= ROUNDS_LEAST && monotonicMs() - startedMs > GROUP_MS_MAX) return
      this.round(round + 1, this.#rounds)
      yield round
    }
  }

  #add(
    group: string,
    name: string,
    unit: Unit,
    rounds: readonly number[],
    more: Partial<Pick<Result, 'goal' | 'better' | 'beside' | 'checksum'>>,
  ): void {
    assert.ok(rounds.length > 0 && rounds.every(Number.isFinite), `${group}: ${name} is no figure: ${rounds}`)
    const rest = { goal: null, better: betterOf(unit), beside: null, checksum: null, ...more }
    this.results.push({ bench: this.#options.name, group, name, unit, rounds, ...rest })
  }
}

const PERCENTILES = ['p50', 'p99', 'p99.9'] as const
type Percentile = (typeof PERCENTILES)[number]
