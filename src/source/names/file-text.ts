/** The text of a small file that is read again only when the file has changed. */

import { readFile, stat } from 'node:fs/promises'

/** Larger ones are read up to here; glibc has no limit. */
const BYTES_MAX = 8 << 20

export class FileText {
  readonly #path: string
  #stamp = ''
  /** '' if there is no such file. */
  text = ''

  constructor(path: string) {
    this.#path = path
  }

  /** Looks at the file; returns whether its text has changed. */
  async changed(): Promise<boolean> {
    const before = this.text
    try {
      const { ino, size, mtimeMs, ctimeMs } = await stat(this.#path)
      const stamp = `${ino} ${size} ${mtimeMs} ${ctimeMs}`
      if (stamp === this.#stamp) return false
      this.text = (await readFile(this.#path, 'utf8')).slice(0, BYTES_MAX)
      this.#stamp = stamp
    } catch {
      // Absent, or not readable: as if it were empty, like glibc.
      this.text = ''
      this.#stamp = ''
    }
    return this.text !== before
  }
}
