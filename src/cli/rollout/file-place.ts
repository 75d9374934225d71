/** Weights of a route in a file. */

import { withWeights, writtenRoutes } from '../../config/text/edit-weights.ts'
import type { Sources } from '../../source/files/files.ts'
import { Exit } from '../env.ts'
import { NoAnswer } from '../live/answered.ts'
import { RolloutFile } from './file.ts'
import { patchText } from './patch.ts'
import type { Found, WeightsPlace } from './place.ts'
import { type RouteChoice, type Target, targetInFiles } from './target.ts'

/** @throws NoAnswer */
export function foundInFiles(
  name: string,
  sources: Sources,
  to: string,
  choice: RouteChoice | undefined,
): Found {
  const target = targetInFiles(name, sources, to, choice)
  return { target, place: new FilePlace(openFile(target.file), target) }
}

function openFile(path: string): RolloutFile {
  try {
    return new RolloutFile(path)
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    throw new NoAnswer(`${path} cannot be read (${code ?? message})`, Exit.usage)
  }
}

class FilePlace implements WeightsPlace {
  readonly #file: RolloutFile
  readonly #target: Target
  readonly title: string
  readonly what = 'this file'
  readonly isReloaded = true

  constructor(file: RolloutFile, target: Target) {
    this.#file = file
    this.#target = target
    this.title = file.path
  }

  async isForeign(): Promise<boolean> {
    return this.#file.isForeign()
  }

  async isAsBefore(): Promise<boolean> {
    return this.#file.text() === this.#file.original
  }

  async present(): Promise<readonly number[] | null> {
    const { virtualService, block, route, destinations } = this.#target.route
    try {
      const found = writtenRoutes(this.#file.text()).find(
        each => each.virtualService === virtualService && each.block === block && each.route === route,
      )
      return found?.destinations.length === destinations.length
        ? found.destinations.map(each => each.weight)
        : null
    } catch {
      return null
    }
  }

  async set(weights: readonly number[]): Promise<string | null> {
    const text = this.#file.text()
    const changed = withWeights(text, this.#target.route, weights)
    if ('error' in changed) return changed.error
    return changed.text === text ? null : this.#file.write(changed.text)
  }

  async putBack(): Promise<string | null> {
    return this.#file.write(this.#file.original)
  }

  /** In a checkout the patch of the last step may be applied, or not yet. */
  patch(from: readonly number[], to: readonly number[]): { text: string } | { error: string } {
    const text = this.#file.text()
    const [was, now] = [from, to].map(each => withWeights(text, this.#target.route, each))
    if ('error' in was) return was
    if ('error' in now) return now
    return { text: patchText(this.#file.path, was.text, now.text) }
  }
}
