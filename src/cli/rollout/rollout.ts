/**
 * `weir rollout`: moves a route to one of its destinations in steps, while guards hold.
 *
 *   step 1 of 4: 5 % to echo/gray
 *     2 400 connections to it in 5 min
 *     holds: dial-failures: 0.1 % (surely at most 0.6 %) of its dials fail; 0.1 % with the others
 *   step 2 of 4: 20 % to echo/gray
 *     broken: dial-failures: 9.8 % (surely more than 7 %) of its dials fail; 0 % with the others: worse, sure
 *   put back: config/echo.yaml is as before, with weight 0 of 100 for echo/gray
 *
 * With --apply it changes the weights, in the file or in the cluster, and has the gateway read the
 * file; else it prints the patch of each step, and waits until the gateway serves it.
 */

import { setTimeout as pause } from 'node:timers/promises'
import { monotonicMs } from '../../base/clock.ts'
import { printable } from '../../base/printable.ts'
import type { Sources } from '../../source/files/files.ts'
import type { ClusterFlags } from '../cluster.ts'
import { type Env, Exit } from '../env.ts'
import { NoAnswer } from '../live/answered.ts'
import type { Client } from '../live/client.ts'
import { countText, durationText, shareText } from '../live/format.ts'
import { Change, type End } from './change.ts'
import { foundInFiles } from './file-place.ts'
import { type Guard, Guards } from './guards.ts'
import type { Found, WeightsPlace } from './place.ts'
import { type CanaryPage, Tally } from './tally.ts'
import { placeOf, type RouteChoice, type Target } from './target.ts'
import { shareAt, weightsAt } from './weights.ts'

export type RolloutFlags = {
  readonly to: string
  readonly route?: RouteChoice
  /** Percents that grow. */
  readonly steps: readonly number[]
  readonly every: number
  readonly guard: readonly Guard[]
  readonly least: number
  readonly apply: boolean
}

/** Looks at the gateway in each step. */
const POLLS = 20
const POLL_MS = { least: 50, most: 5_000 }
/** How long a gateway may not answer, or not serve what it has taken. */
const SILENT_MS = 30_000
/** How long a gateway may take to read a file before a rollout begins. */
const SETTLE_MS = 5_000
/** Shares that are the same. */
const NEAR = 0.005
const RULES_MAX = 1_000

export async function rollout(
  client: Client,
  name: string,
  sources: Sources,
  flags: RolloutFlags & ClusterFlags,
  env: Env,
): Promise<number> {
  const { to, route, kubernetes } = flags
  const found = kubernetes
    ? await (await import('./cluster-place.ts')).foundInCluster(name, flags, to, route, env)
    : foundInFiles(name, sources, to, route)
  const quit = new AbortController()
  env.onSignal(() => quit.abort())
  return await new Rollout(client, found, flags, env, quit.signal).run()
}

class Rollout {
  readonly #client: Client
  readonly #target: Target
  readonly #place: WeightsPlace
  readonly #change: Change
  readonly #flags: RolloutFlags
  readonly #env: Env
  readonly #quit: AbortSignal
  readonly #guards: Guards
  readonly #tally = new Tally()

  constructor(client: Client, { target, place }: Found, flags: RolloutFlags, env: Env, quit: AbortSignal) {
    this.#client = client
    this.#target = target
    this.#place = place
    this.#change = new Change({ client, target, place, env, quit, apply: flags.apply })
    this.#flags = flags
    this.#env = env
    this.#quit = quit
    this.#guards = new Guards(flags.guard)
  }

  async run(): Promise<number> {
    const { index } = this.#target
    const { to, apply } = this.#flags
    const { before } = this.#change
    const share = shareAt(before, index)
    const steps = this.#flags.steps.filter(step => step / 100 > share - NEAR)
    if (steps.length === 0 || share === 1) {
      this.#say(`nothing to do: ${to} has ${shareText(share)} already`)
      return Exit.ok
    }
    await this.#begin(share)
    for (const [at, step] of steps.entries()) {
      const title = `step ${at + 1} of ${steps.length}: ${step} % to ${to}`
      this.#say(title)
      const end =
        (await this.#change.move(weightsAt(before, index, step), title)) ?? (await this.#watch(step))
      if (end.kind === 'stopped') return await this.#leave(title)
      if (end.kind === 'edited') return await this.#yield()
      if (end.kind === 'broken') return await this.#putBack(end.why)
    }
    this.#say(`done: ${steps.at(-1)} % to ${to}${apply ? `, in ${this.#place.title}` : ''}`)
    return Exit.ok
  }

  /** Refuses what the gateway does not serve. */
  async #begin(share: number): Promise<void> {
    const { route } = this.#target
    const sinceMs = monotonicMs()
    do await this.#look()
    while (
      this.#flags.apply && // it may be about to take the file, as somebody has just left it
      !Number.isNaN(this.#tally.share) &&
      !this.#serves(share) &&
      monotonicMs() - sinceMs < SETTLE_MS &&
      (await pause(POLL_MS.least, true))
    )
    const at = `the gateway at ${this.#client.where}`
    if (Number.isNaN(this.#tally.share))
      throw new NoAnswer(`${at} serves no rule ${route.virtualService} ${placeOf(route)}`)
    if (this.#flags.apply && !this.#serves(share))
      throw new NoAnswer(
        `${at} serves ${this.#servedText()} to ${this.#flags.to}, and ${this.#place.title} says ${shareText(share)}: does it read ${this.#place.what}?`,
      )
  }

  readonly #serves = (share: number): boolean => Math.abs(this.#tally.share - share) < NEAR

  #servedText(): string {
    return Number.isNaN(this.#tally.share) ? 'nothing' : shareText(this.#tally.share)
  }

  /** Until the step's time is over and it has had enough connections. */
  async #watch(step: number): Promise<End> {
    const { every, least, apply } = this.#flags
    const pollMs = Math.min(POLL_MS.most, Math.max(POLL_MS.least, every / POLLS))
    const began = { ms: monotonicMs(), connections: this.#tally.connections }
    let [servedMs, answeredMs, told] = [-1, monotonicMs(), '']
    const tell = (line: string): void => {
      if (told !== line) this.#say(line)
      told = line
    }
    for (;;) {
      if (this.#quit.aborted) return { kind: 'stopped' }
      if (await this.#change.isForeign()) return { kind: 'edited' }
      const nowMs = monotonicMs()
      if (await this.#look().then(() => true, isNoAnswer)) answeredMs = monotonicMs()
      else if (nowMs - answeredMs > SILENT_MS)
        return { kind: 'broken', why: 'the gateway does not answer, so nobody knows whether guards hold' }
      const isServed = this.#serves(step / 100)
      if (isServed && servedMs < 0) servedMs = nowMs
      if (apply && servedMs < 0 && nowMs - began.ms > SILENT_MS)
        return {
          kind: 'broken',
          why: `the gateway serves ${this.#servedText()} to it instead of ${step} %: does it read ${this.#place.title}?`,
        }
      const said = this.#guards.look(this.#tally)
      const wrong = said.find(each => each.isBroken)
      if (wrong) return { kind: 'broken', why: wrong.text }
      const seen = this.#tally.connections - began.connections
      if (servedMs >= 0 && nowMs - servedMs >= every && seen >= least) {
        this.#say(`  ${countText(seen)} connections to it in ${durationText(nowMs - servedMs)}`)
        for (const { text } of said) this.#say(`  holds: ${text}`)
        return { kind: 'held' }
      }
      if (servedMs < 0 && !apply) tell('  waits until the gateway serves it')
      if (servedMs >= 0 && nowMs - servedMs >= every)
        tell(`  waits until it has had ${countText(least)} connections (--least)`)
      await pause(pollMs, undefined, { signal: this.#quit }).catch(() => {})
    }
  }

  async #look(): Promise<void> {
    const query = { rule: this.#target.route.virtualService, single: true, limit: RULES_MAX }
    this.#tally.take(await this.#client.get<CanaryPage>('/canary', query), this.#target)
  }

  async #putBack(why: string): Promise<number> {
    this.#say(`  broken: ${why}`)
    const { title } = this.#place
    const { before, weights } = this.#change
    if (!this.#flags.apply) {
      this.#say('to put it back:')
      await this.#change.move(before, '')
      return Exit.failed
    }
    if (await this.#change.isForeign()) return await this.#yield()
    const asBefore = `${title} is as before, with ${this.#weightText(before)}`
    if (await this.#place.isAsBefore()) {
      this.#say(asBefore)
      return Exit.failed
    }
    const { written, served } = await this.#change.restore(why)
    if (written === null) this.#say(`put back: ${asBefore}`)
    else this.#say(`could not be put back: ${written}; it has ${this.#weightText(weights)}`)
    if (served?.kind === 'broken') this.#say(`but the gateway may not serve it: ${served.why}`)
    return Exit.failed
  }

  /** Somebody else has it now. */
  async #yield(): Promise<number> {
    const { before, weights } = this.#change
    const now = await this.#place.present()
    const has = now === null ? '' : `; it has ${this.#weightText(now)} now`
    this.#say(
      `stopped: somebody else has changed ${this.#place.title}, and nothing is put back over that${has}. This rollout left ${this.#weightText(weights)}; before it was ${this.#weightText(before)}`,
    )
    return Exit.failed
  }

  async #leave(title: string): Promise<number> {
    const { title: path } = this.#place
    const { before, weights } = this.#change
    const now = (await this.#place.present()) ?? weights
    this.#say(
      this.#flags.apply
        ? `stopped at ${title}: ${path} has ${this.#weightText(now)}; before it was ${this.#weightText(before)}. The same command goes on from there`
        : `stopped at ${title}: this command has changed nothing`,
    )
    return Exit.failed
  }

  /** "weight 20 of 100 for echo/gray". */
  #weightText(weights: readonly number[]): string {
    const all = weights.reduce((sum, weight) => sum + weight, 0)
    return `weight ${weights[this.#target.index]} of ${all} for ${this.#flags.to}`
  }

  #say(line: string): void {
    this.#env.stdout.write(`${printable(line)}\n`)
  }
}

/** Whether somebody answered: false for no answer, and other errors are ours. */
function isNoAnswer(error: unknown): false {
  if (!(error instanceof NoAnswer)) throw error
  return false
}
