/**
 * Connections whose upstream has not been there for long: what finds out that it has vanished costs
 * six system calls, which most connections are too short to need. The flows do the same
 * (../flow/dialer.ts).
 *
 * Two generations, so that the end of a short connection costs no search: a connection settles
 * between one and two periods after its connect.
 */

const PERIOD_MS = 500

/** A connection, as far as this module needs it. */
type Settler = { readonly settle: () => void }

export class Settling {
  #younger = new Set<Settler>()
  #older = new Set<Settler>()
  readonly #timer: NodeJS.Timeout

  constructor() {
    this.#timer = setInterval(this.#turn, PERIOD_MS)
  }

  /** Its upstream is connected. */
  add(connection: Settler): void {
    this.#younger.add(connection)
  }

  /** It has ended. */
  delete(connection: Settler): void {
    if (!this.#younger.delete(connection)) this.#older.delete(connection)
  }

  end(): void {
    clearInterval(this.#timer)
  }

  readonly #turn = (): void => {
    for (const each of this.#older) each.settle()
    this.#older = this.#younger
    this.#younger = new Set()
  }
}
