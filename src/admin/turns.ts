/**
 * Requests that are answered on the primary thread begin one at a turn of its event loop.
 *
 * An answer may take milliseconds where there are ten thousand rules, and dozens of callers may ask at once. Between two
 * of them the loop goes round: probes are answered, files and workers are heard.
 */

export class Turns {
  readonly #waiting: (() => void)[] = []

  add(begin: () => void): void {
    if (this.#waiting.push(begin) === 1) setImmediate(this.#next)
  }

  readonly #next = (): void => {
    const [begin] = this.#waiting
    this.#waiting.shift()
    if (this.#waiting.length > 0) setImmediate(this.#next)
    begin?.()
  }
}
