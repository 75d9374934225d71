/**
 * The log of what a Kubernetes API answers: each trouble once, and when it is over.
 *
 * A server that is away is one trouble for all kinds. So what begins within a moment is told in one
 * line, and the end in another, once every kind is followed again.
 */

import { monotonicMs } from '../../base/clock.ts'
import { POLLED } from '../../source/kubernetes/poller.ts'
import type { Failing, ReflectorState } from '../../source/kubernetes/reflector-state.ts'
import type { Logger } from './log.ts'

/** Kinds whose troubles begin within this time are told of together. */
const GATHER_MS = 1_000
/** Kinds that a line names. */
const NAMED_MAX = 5

/** Kinds, or objects, whose troubles of one sort are told in one line. */
type Trouble = {
  readonly sort: string
  readonly sinceMs: number
  readonly why: string
  /** Those that have it now. */
  readonly now: Map<string, Failing>
  /** All that have had it. */
  readonly all: Set<string>
  /** Who comes later is another trouble. */
  isTold: boolean
}

export class KubernetesLog {
  readonly #log: Logger
  readonly #gatherMs: number
  readonly #followed = new Set<string>()
  readonly #absent = new Set<string>()
  readonly #troubles = new Set<Trouble>()
  /** By loop: objects of it that fail, each by itself. */
  readonly #failing = new Map<string, ReadonlySet<string>>()

  constructor(log: Logger, gatherMs = GATHER_MS) {
    this.#log = log
    this.#gatherMs = gatherMs
  }

  readonly add = (state: ReflectorState): void => {
    const { title, phase, objects, version } = state
    const isFollowed = phase === 'watching'
    this.#take(state)
    if (phase === 'absent' && !this.#absent.has(title)) {
      this.#absent.add(title)
      this.#log.info(
        { kind: title, objects },
        `the cluster has no ${title}; weir asks again from time to time`,
      )
    } else if (isFollowed && (!this.#followed.has(title) || this.#absent.has(title))) {
      this.#followed.add(title)
      this.#absent.delete(title)
      this.#log.info({ kind: title, objects }, `${title} ${version} follows the cluster: ${objects} there`)
    }
  }

  #take(state: ReflectorState): void {
    const { title, phase, trouble } = state
    const failing = state.failing ?? (trouble === '' ? [] : [state])
    const titles = new Set(failing.map(each => each.title))
    const isOver = phase === 'absent' || phase === 'watching' || state.failing !== undefined
    if (isOver) {
      for (const each of this.#failing.get(title) ?? []) if (!titles.has(each)) this.#recover(each, '')
    }
    if (isOver || titles.size > 0) this.#failing.set(title, titles)
    for (const each of failing) this.#fail(each)
  }

  #fail(failing: Failing): void {
    const { title } = failing
    const sort = sortOf(failing)
    this.#recover(title, sort)
    const ofSort = [...this.#troubles].filter(each => each.sort === sort)
    // That a kind which the server lacks cannot be asked for either is no news.
    const isNoNews = sort === 'server' && this.#absent.has(title)
    const found =
      ofSort.find(each => each.now.has(title) || !each.isTold || isNoNews) ?? this.#begin(sort, failing)
    found.now.set(title, failing)
    found.all.add(title)
  }

  #begin(sort: string, { trouble: why }: Failing): Trouble {
    const begun = { sort, sinceMs: monotonicMs(), why, now: new Map(), all: new Set<string>(), isTold: false }
    this.#troubles.add(begun)
    setTimeout(() => this.#tell(begun), this.#gatherMs).unref()
    return begun
  }

  /** It has none of the troubles but those of this sort. */
  #recover(title: string, except: string): void {
    for (const trouble of this.#troubles) {
      if (trouble.sort === except || !trouble.now.delete(title)) continue
      if (trouble.now.size === 0 && trouble.isTold) this.#end(trouble)
    }
  }

  #tell(trouble: Trouble): void {
    if (trouble.now.size === 0) {
      this.#end(trouble)
      return
    }
    trouble.isTold = true
    const kinds = [...trouble.now.keys()]
    const text = `${whatFails(trouble)} (${titlesText(kinds)}); ${whatFollows([...trouble.now.values()])}`
    this.#log.warn({ kinds, why: trouble.why }, text)
  }

  #end(trouble: Trouble): void {
    this.#troubles.delete(trouble)
    const kinds = [...trouble.all]
    const tookMs = Math.round(monotonicMs() - trouble.sinceMs)
    const why = trouble.isTold ? '' : `; it failed for a moment: ${trouble.why}`
    const text = `the cluster is followed again after ${(tookMs / 1000).toFixed(1)} s: ${titlesText(kinds)}${why}`
    this.#log.info({ kinds, tookMs }, text)
  }
}

/** "Secret shop/tls", and not "Pod shop/*". */
const OF_OBJECT = /\/[^*]/

/** One trouble for all: of the server, and of rights to kinds. Others are of one kind or object. */
function sortOf({ title, trouble, concerns }: Failing): string {
  if (concerns === 'server') return concerns
  if (concerns === 'rights') return OF_OBJECT.test(title) ? `rights to ${title}` : concerns
  return `${title}: ${trouble}`
}

const whatFails = ({ sort, why }: Trouble): string =>
  sort === 'server' ? `the Kubernetes API does not answer as it should: ${why}` : why

/** A Secret that cannot be read holds up a start for a moment only (pace.ts). */
function whatFollows(failing: readonly Failing[]): string {
  const unknown = failing.filter(each => !each.isSynced)
  if (unknown.length === 0) return 'what was known stays'
  if (unknown.every(({ title }) => OF_OBJECT.test(title) || title.endsWith(POLLED)))
    return 'what asks for it stays closed, or as it was, until it is known'
  return 'nothing is served before it is known'
}

function titlesText(titles: readonly string[]): string {
  const named = titles.slice(0, NAMED_MAX).join(', ')
  return titles.length > NAMED_MAX ? `${named} and ${titles.length - NAMED_MAX} others` : named
}
