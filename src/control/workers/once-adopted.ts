/**
 * Work that waits until every worker decides by a table: until then each of them may decide about
 * one more connection by an older one. A listener that is being closed decides by its own table
 * until its queue is empty; only then a worker says that it listens by the newer one.
 */

import type { Adopted } from '../../engine/worker/protocol.ts'
import type { WorkerStatus } from './worker-record.ts'

type Waiting = { readonly parts: Adopted; readonly run: () => void }

export class OnceAdopted {
  readonly #status: () => readonly WorkerStatus[]
  readonly #waiting = new Map<string, Waiting>()

  constructor(status: () => readonly WorkerStatus[]) {
    this.#status = status
  }

  /** Later work of the same name replaces what still waits. */
  wait(name: string, parts: Adopted, run: () => void): void {
    this.#waiting.set(name, { parts, run })
    this.look()
  }

  /** A worker has adopted something, listens by it, or has ended. */
  look(): void {
    const all = this.#status()
    for (const [name, { parts, run }] of this.#waiting) {
      if (all.some(each => isBehind(each, parts))) continue
      this.#waiting.delete(name)
      run()
    }
  }
}

const isBehind = ({ state, generation, adopted }: WorkerStatus, parts: Adopted): boolean =>
  state !== 'ended' &&
  (Math.min(generation, adopted.generation) < parts.generation ||
    (adopted.generation === parts.generation &&
      (adopted.endpointsRevision < parts.endpointsRevision ||
        adopted.clientsRevision < parts.clientsRevision)))
