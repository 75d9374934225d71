/**
 * The progress of a run: on a terminal one line that is overwritten, elsewhere one line for each
 * finished bench.
 */

import { monotonicMs } from '../../src/base/clock.ts'

export type Screen = {
  write(text: string): unknown
  readonly isTTY?: boolean
  readonly columns?: number
}

const COLUMNS = 80

export class Progress {
  readonly #screen: Screen
  readonly #count: number
  #startedMs = 0
  #number = 0
  #name = ''
  #group = ''

  constructor(screen: Screen, count: number) {
    this.#screen = screen
    this.#count = count
  }

  bench(name: string): void {
    this.#startedMs = monotonicMs()
    this.#number++
    this.#name = name
    this.group('')
  }

  group(group: string): void {
    this.#group = group
    this.#show('')
  }

  round(round: number, of: number): void {
    this.#show(`: round ${round} of ${of} …`)
  }

  /** Ends the bench. */
  end(text: string): void {
    const seconds = ((monotonicMs() - this.#startedMs) / 1000).toFixed(0)
    this.#screen.write(`${this.#erase()}${this.#place}: ${text} in ${seconds} s\n`)
  }

  get #place(): string {
    return `[${this.#number}/${this.#count}] ${this.#name}`
  }

  #erase(): string {
    return this.#screen.isTTY ? '\r\u001b[2K' : ''
  }

  /** The group is cut if the line is too short. */
  #show(round: string): void {
    if (!this.#screen.isTTY) return
    const group = this.#group === '' ? '' : `: ${this.#group}`
    const room = Math.max(0, (this.#screen.columns ?? COLUMNS) - 1 - this.#place.length - round.length)
    const short = group.length > room ? `${group.slice(0, Math.max(0, room - 1))}…` : group
    this.#screen.write(`${this.#erase()}${this.#place}${short}${round}`)
  }
}
