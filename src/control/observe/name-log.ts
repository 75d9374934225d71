/**
 * Names that stop resolving, and that resolve again, in the log: once each.
 *
 * A name server that fails takes many names with it, so changes are collected for a moment: one
 * line for all names that changed alike.
 */

import type { NameState } from '../../source/names/name-state.ts'
import { addressesOf } from '../../source/names/name-state.ts'
import type { Logger } from './log.ts'

const COLLECT_MS = 200
/** Names in one line. */
const NAMES_MAX = 10

type Told = { readonly level: 'info' | 'warn'; readonly text: string }
type Group = { readonly told: Told; readonly names: string[] }

export class NameLog {
  readonly #log: Logger
  readonly #groups = new Map<string, Group>()
  #timer: NodeJS.Timeout | undefined

  constructor(log: Logger) {
    this.#log = log
  }

  readonly add = (state: NameState, before: NameState): void => {
    const told = toldOf(state, before)
    if (told === null) return
    this.#groups.getOrInsertComputed(told.text, () => ({ told, names: [] })).names.push(state.name)
    this.#timer ??= setTimeout(() => this.flush(), COLLECT_MS).unref()
  }

  flush(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    for (const { told, names } of this.#groups.values()) {
      const shown = names.slice(0, NAMES_MAX).join(', ')
      const rest = names.length - NAMES_MAX
      this.#log[told.level](
        { names: names.slice(0, NAMES_MAX), count: names.length },
        `${shown}${rest > 0 ? ` and ${rest} more` : ''}: ${told.text}`,
      )
    }
    this.#groups.clear()
  }
}

function toldOf(state: NameState, before: NameState): Told | null {
  const { why } = state
  switch (state.state) {
    case 'stale':
      return { level: 'warn', text: `does not resolve (${why}); the last addresses stay` }
    case 'unresolved':
      return before.state === 'pending' || addressesOf(before, true).length === 0
        ? { level: 'warn', text: `does not resolve (${why}); it has no address` }
        : { level: 'warn', text: `does not resolve any more (${why}); its addresses are gone` }
    case 'partial':
      return { level: 'info', text: `resolves for one family only (${why})` }
    case 'resolved':
      return before.state === 'pending' ? null : { level: 'info', text: 'resolves again' }
    default:
      return null
  }
}
