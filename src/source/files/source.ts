/** Files as a source of configuration: the compiling thread reads, the watch reports changes. */

import type { Source } from '../source.ts'
import type { Sources } from './files.ts'
import { type Watch, watchPaths } from './watch.ts'

export class FileSource implements Source<Sources> {
  readonly #sources: Sources
  #watch: Watch | null = null
  #isClosed = false

  constructor({ paths, recursive, once }: Sources) {
    this.#sources = { paths, ...(recursive && { recursive }), ...(once && { once }) }
  }

  current(): Sources {
    return this.#sources
  }

  async open(onChange: () => void, onError: (error: Error) => void): Promise<void> {
    if (this.#isClosed) return
    const { paths, once } = this.#sources
    this.#watch = watchPaths(
      paths.filter(path => !once?.has(path)),
      onChange,
      onError,
    )
    await this.#watch.begun
  }

  /** Also ends what is being opened. */
  async close(): Promise<void> {
    this.#isClosed = true
    await this.#watch?.close()
  }
}
