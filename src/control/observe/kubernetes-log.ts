/**
 * The log of what a Kubernetes API answers: each trouble once, and when it is over.
 *
 * A server that is away is one trouble for all kinds. So what begins within a moment is told in one
 * line, and the end in another, once every kind is followed again.
 */

import { monotonicMs } from '../../base/clock.ts'
import type { ReflectorState } from '../../source/kubernetes/reflector-state.ts'
import type { Logger } from './log.ts'

/** Kinds whose troubles begin within this time are told of together. */
const GATHER_MS = 1_000
/** Kinds that a line names. */
const NAMED_MAX = 5

/** Kinds with a trouble of one sort. */
type Trouble = {
  readonly sinceMs: number
  readonly why: string
  /** Those that have it now. */
  readonly kinds: Map<string, ReflectorState>
  /** All that have had it. */
  readonly all: Set<string>
  isTold: boolean
}

export class KubernetesLog {
  readonly #log: Logger
  readonly #gatherMs: number
  readonly #followed = new Set<string>()
  readonly #absent = new Set<string>()
  /** By sort: "server", "rights", or what only one kind has. */
  readonly #troubles = new Map<string, Trouble>()

  constructor(log: Logger, gatherMs = GATHER_MS) {
    this.#log = log
    this.#gatherMs = gatherMs
  }

  readonly add = (state: ReflectorState): void => {
    const { title, phase, trouble, objects, version } = state
    const isFollowed = phase === 'watching'
    if (phase === 'absent' || isFollowed) this.#recover(title, '')
    else if (trouble !== '') this.#fail(state)
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

  #fail(state: ReflectorState): void {
    const { title, concerns, trouble } = state
    const sort = concerns === 'kind' ? `${title}: ${trouble}` : concerns
    this.#recover(title, sort)
    const found = this.#troubles.getOrInsertComputed(sort, () => {
      setTimeout(() => this.#tell(sort), this.#gatherMs).unref()
      return { sinceMs: monotonicMs(), why: trouble, kinds: new Map(), all: new Set(), isTold: false }
    })
    found.kinds.set(title, state)
    found.all.add(title)
  }

  /** The kind has none of the troubles but this one. */
  #recover(title: string, except: string): void {
    for (const [sort, trouble] of this.#troubles) {
      if (sort === except || !trouble.kinds.delete(title)) continue
      if (trouble.kinds.size === 0 && trouble.isTold) this.#end(sort, trouble)
    }
  }

  #tell(sort: string): void {
    const trouble = this.#troubles.get(sort)
    if (!trouble) return
    if (trouble.kinds.size === 0) {
      this.#end(sort, trouble)
      return
    }
    trouble.isTold = true
    const kinds = [...trouble.kinds.keys()]
    const isKnown = [...trouble.kinds.values()].every(each => each.isSynced)
    const what = isKnown ? 'what was known stays' : 'nothing is served before it is known'
    this.#log.warn({ kinds, why: trouble.why }, `${whatFails(sort, trouble)} (${titlesText(kinds)}); ${what}`)
  }

  #end(sort: string, trouble: Trouble): void {
    this.#troubles.delete(sort)
    const kinds = [...trouble.all]
    const tookMs = Math.round(monotonicMs() - trouble.sinceMs)
    const why = trouble.isTold ? '' : `; it failed for a moment: ${trouble.why}`
    const text = `the cluster is followed again after ${(tookMs / 1000).toFixed(1)} s: ${titlesText(kinds)}${why}`
    this.#log.info({ kinds, tookMs }, text)
  }
}

const whatFails = (sort: string, { why }: Trouble): string =>
  sort === 'server' ? `the Kubernetes API does not answer as it should: ${why}` : why

function titlesText(titles: readonly string[]): string {
  const named = titles.slice(0, NAMED_MAX).join(', ')
  return titles.length > NAMED_MAX ? `${named} and ${titles.length - NAMED_MAX} others` : named
}
