/**
 * Names: the addresses of endpoints that have a DNS name.
 *
 * All addresses of a new name are resolved at once (getaddrinfo(3), so /etc/hosts and nsswitch
 * apply), then once a minute. If that fails, the name keeps its last addresses.
 */

import { lookup } from 'node:dns/promises'

const REFRESH_MS = 60_000

type Lookup = (name: string) => Promise<readonly string[]>

const systemLookup: Lookup = async name =>
  (await lookup(name, { all: true })).map(({ address }) => address).sort()

export type NamesOptions = {
  /** Called with the answers that changed. */
  readonly onChange: (changed: ReadonlyMap<string, readonly string[]>) => void
  readonly onFailure: (name: string, error: Error) => void
  readonly lookup?: Lookup
  readonly refreshMs?: number
}

export class Names {
  readonly #options: NamesOptions
  readonly #lookup: Lookup
  readonly #timer: NodeJS.Timeout
  #known = new Map<string, readonly string[]>()
  #wanted: ReadonlySet<string> = new Set()

  constructor(options: NamesOptions) {
    this.#options = options
    this.#lookup = options.lookup ?? systemLookup
    this.#timer = setInterval(() => void this.#refresh([...this.#wanted]), options.refreshMs ?? REFRESH_MS)
    this.#timer.unref()
  }

  /** The addresses known now. */
  get known(): ReadonlyMap<string, readonly string[]> {
    return this.#known
  }

  /**
   * Follows these names from now on; the promise resolves once the new ones have been looked up.
   */
  async follow(names: readonly string[]): Promise<void> {
    const added = names.filter(name => !this.#wanted.has(name))
    this.#wanted = new Set(names)
    for (const name of this.#known.keys()) if (!this.#wanted.has(name)) this.#known.delete(name)
    await this.#refresh(added)
    if (added.length > 0) this.#known = new Map([...this.#known].sort())
  }

  close(): void {
    clearInterval(this.#timer)
  }

  async #refresh(names: readonly string[]): Promise<void> {
    const answers = (await Promise.all(names.map(name => this.#ask(name)))).flat()
    const before = this.#known
    const changed = answers.filter(([name, found]) => String(before.get(name)) !== String(found))
    for (const [name, found] of changed) this.#known.set(name, found)
    if (changed.length > 0) this.#options.onChange(new Map(changed))
  }

  /** The answer as an entry of the map, or nothing if there is none. */
  async #ask(name: string): Promise<[string, readonly string[]][]> {
    try {
      return [[name, await this.#lookup(name)]]
    } catch (error) {
      this.#options.onFailure(name, error instanceof Error ? error : new Error(String(error)))
      return []
    }
  }
}
