/**
 * The changes of a rollout: weights set in the file and read by the gateway, or printed as patches.
 */

import { withWeights, writtenRoutes } from '../../config/text/edit-weights.ts'
import type { Env } from '../env.ts'
import { NoAnswer } from '../live/answered.ts'
import type { Client } from '../live/client.ts'
import type { RolloutFile } from './file.ts'
import { patchText } from './patch.ts'
import { placeOf, type Target } from './target.ts'

/** How a step ended. */
export type End =
  | { readonly kind: 'held' | 'stopped' | 'edited' }
  | { readonly kind: 'broken'; readonly why: string }

type Parts = {
  readonly client: Client
  readonly target: Target
  readonly file: RolloutFile
  readonly env: Env
  readonly quit: AbortSignal
  /** Changes the file; else only prints patches. */
  readonly apply: boolean
}

const REASON_MAX = 500

export class Change {
  /** As the file had them, and as the last step set them. */
  readonly before: readonly number[]
  weights: readonly number[]
  readonly #parts: Parts

  constructor(parts: Parts) {
    this.#parts = parts
    this.before = parts.target.route.destinations.map(each => each.weight)
    this.weights = this.before
  }

  /** Whether somebody else has written the file. */
  isForeign(): boolean {
    return this.#parts.apply && this.#parts.file.isForeign()
  }

  /** Sets the weights, or prints how; null: they are set. */
  async move(weights: readonly number[], title: string): Promise<End | null> {
    const { apply, file } = this.#parts
    if (this.isForeign()) return { kind: 'edited' }
    const why = apply ? this.#write(weights) : this.#print(weights)
    if (why !== null) return { kind: 'broken', why: `${file.path}: ${why}` }
    this.weights = weights
    return apply ? await this.#reload(title) : null
  }

  /** The file as it was at the start: what went wrong, or null. */
  async restore(why: string): Promise<{ readonly written: string | null; readonly served: End | null }> {
    const { file } = this.#parts
    const written = file.write(file.original)
    if (written !== null) return { written, served: null }
    this.weights = this.before
    return { written, served: await this.#reload(`put back, since ${why}`) }
  }

  /** The weights in the file; null: they cannot be read. */
  present(): readonly number[] | null {
    const { virtualService, block, route } = this.#parts.target.route
    try {
      const found = writtenRoutes(this.#parts.file.text()).find(
        each => each.virtualService === virtualService && each.block === block && each.route === route,
      )
      return found?.destinations.length === this.before.length
        ? found.destinations.map(each => each.weight)
        : null
    } catch {
      return null
    }
  }

  #write(weights: readonly number[]): string | null {
    const { file, target } = this.#parts
    const text = file.text()
    const changed = withWeights(text, target.route, weights)
    if ('error' in changed) return changed.error
    return changed.text === text ? null : file.write(changed.text)
  }

  /** In a checkout the patch of the last step may be applied, or not yet. */
  #print(weights: readonly number[]): string | null {
    const { file, target, env } = this.#parts
    const text = file.text()
    const [was, now] = [this.weights, weights].map(each => withWeights(text, target.route, each))
    if ('error' in was) return was.error
    if ('error' in now) return now.error
    env.stdout.write(patchText(file.path, was.text, now.text))
    return null
  }

  /** Asks the gateway to read the files, so that its history has the reason. */
  async #reload(title: string): Promise<End | null> {
    const { client, target, quit } = this.#parts
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
