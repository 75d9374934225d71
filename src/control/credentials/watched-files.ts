/** The watch of the files behind certificates, which follows what the configuration names. */

import { type Watch, watchPaths } from '../../source/files/watch.ts'

type WatchedFilesOptions = {
  readonly onChange: () => void
  readonly onError: (error: Error) => void
}

export class WatchedFiles {
  readonly #options: WatchedFilesOptions
  #files = ''
  #isClosed = false
  #watch: Watch | null = null
  /** One change after the other. */
  #changing: Promise<void> = Promise.resolve()

  constructor(options: WatchedFilesOptions) {
    this.#options = options
  }

  /** Watches these from now on, and no others. */
  follow(files: readonly string[]): void {
    const wanted = files.toSorted().join('\n')
    if (wanted === this.#files || this.#isClosed) return
    this.#files = wanted
    this.#changing = this.#changing.then(() => this.#change(files))
  }

  /** Also ends what is being opened. */
  async close(): Promise<void> {
    this.#isClosed = true
    await this.#watch?.close()
  }

  async #change(files: readonly string[]): Promise<void> {
    await this.#watch?.close()
    if (this.#isClosed) return
    const { onChange, onError } = this.#options
    this.#watch = watchPaths(files, onChange, onError)
    await this.#watch.begun
    if (!this.#isClosed) onChange() // changes saved meanwhile
  }
}
