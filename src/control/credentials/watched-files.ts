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
  /** One change after the other. */
  #watch: Promise<Watch | null> = Promise.resolve(null)

  constructor(options: WatchedFilesOptions) {
    this.#options = options
  }

  /** Watches these from now on, and no others. */
  follow(files: readonly string[]): void {
    const wanted = files.toSorted().join('\n')
    if (wanted === this.#files || this.#isClosed) return
    this.#files = wanted
    const { onChange, onError } = this.#options
    this.#watch = this.#watch.then(async before => {
      await before?.close()
      if (this.#isClosed) return null
      const watch = await watchPaths(files, onChange, onError)
      onChange() // changes saved meanwhile
      return watch
    })
  }

  async close(): Promise<void> {
    this.#isClosed = true
    await (await this.#watch)?.close()
  }
}
