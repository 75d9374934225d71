/** The changes of a rollout: weights set where they are written, or printed as patches. */

import type { Env } from '../env.ts'
import { NoAnswer } from '../live/answered.ts'
import type { Client } from '../live/client.ts'
import type { WeightsPlace } from './place.ts'
import { placeOf, type Target } from './target.ts'

/** How a step ended. */
export type End =
  | { readonly kind: 'held' | 'stopped' | 'edited' }
  | { readonly kind: 'broken'; readonly why: string }

type Parts = {
  readonly client: Client
  readonly target: Target
  readonly place: WeightsPlace
  readonly env: Env
  readonly quit: AbortSignal
  /** Changes them; else only prints patches. */
  readonly apply: boolean
}

const REASON_MAX = 500

export class Change {
  /** As they were, and as the last step set them. */
  readonly before: readonly number[]
  weights: readonly number[]
  readonly #parts: Parts

  constructor(parts: Parts) {
    this.#parts = parts
    this.before = parts.target.route.destinations.map(each => each.weight)
    this.weights = this.before
  }

  /** Whether somebody else has written there. */
  async isForeign(): Promise<boolean> {
    return this.#parts.apply && (await this.#parts.place.isForeign())
  }

  /** Sets the weights, or prints how; null: they are set. */
  async move(weights: readonly number[], title: string): Promise<End | null> {
    const { apply, place } = this.#parts
    if (await this.isForeign()) return { kind: 'edited' }
    const why = apply ? await place.set(weights) : this.#print(weights)
    if (why !== null) return { kind: 'broken', why: `${place.title}: ${why}` }
    this.weights = weights
    return apply ? await this.#reload(title) : null
  }

  /** All as it was at the start: what went wrong, or null. */
  async restore(why: string): Promise<{ readonly written: string | null; readonly served: End | null }> {
    const written = await this.#parts.place.putBack()
    if (written !== null) return { written, served: null }
    this.weights = this.before
    return { written, served: await this.#reload(`put back, since ${why}`) }
  }

  #print(weights: readonly number[]): string | null {
    const { place, env } = this.#parts
    const patch = place.patch(this.weights, weights)
    if ('error' in patch) return patch.error
    env.stdout.write(patch.text)
    return null
  }

  /** Asks the gateway to read the files, so that its history has the reason. */
  async #reload(title: string): Promise<End | null> {
    const { client, target, place: written, quit } = this.#parts
    if (!written.isReloaded) return null
    const place = `${target.route.virtualService} ${placeOf(target.route)}`
    const reason = `rollout of ${place}: ${title}`.slice(0, REASON_MAX)
    const asked = client.send<{ outcome: string; note: string | null }>('POST', '/reload', { reason })
    asked.catch(() => {}) // nobody may wait for it any more
    try {
      const answer = await Promise.race([asked, aborted(quit)])
      if (answer === null) return { kind: 'stopped' }
      const { outcome, note } = answer
      if (outcome === 'taken' || outcome === 'unchanged') return null
      return { kind: 'broken', why: `the change is ${outcome}${note === null ? '' : `: ${note}`}` }
    } catch (error) {
      if (!(error instanceof NoAnswer)) throw error
      return { kind: 'broken', why: error.message }
    }
  }
}

const aborted = (quit: AbortSignal): Promise<null> =>
  new Promise(resolve => {
    if (quit.aborted) resolve(null)
    quit.addEventListener('abort', () => resolve(null), { once: true })
  })
