/**
 * Where somebody is in `weir top`, and what a key makes of that. Pure: a key and a state give the
 * next state.
 *
 * Lists lie on top of each other: rules, the endpoints of one, the connections of one of these,
 * what became of one connection. Each keeps its filter, order and cursor.
 */

import type { Origin } from '../routes.ts'

/** What a list shows. */
export type Place =
  | { readonly kind: 'rules' }
  | { readonly kind: 'endpoints'; readonly rule: RuleOf | null }
  | {
      readonly kind: 'connections'
      readonly rule: string | null
      readonly endpoint: string | null
      readonly isEnded: boolean
    }
  | { readonly kind: 'why'; readonly client: string }

/** A rule, and the destinations whose endpoints are shown. */
export type RuleOf = { readonly origin: Origin; readonly destinations: readonly string[] }

export type Level = {
  readonly place: Place
  readonly filter: string
  /** Indices of the list's choices (orders.ts). */
  readonly show: number
  readonly order: number
  readonly isReversed: boolean
  /** The cursor's row, counted from the list's first; and its key, so that it follows the row. */
  readonly at: number
  readonly key: string | null
}

export type State = {
  readonly levels: readonly Level[]
  /** The filter that is being typed; null: keys are commands. */
  readonly typing: string | null
  readonly isPaused: boolean
  readonly hasHelp: boolean
}

/** What a key has to know of the list. */
export type Seen = {
  readonly total: number
  /** Rows of the list on the screen. */
  readonly height: number
  /** Where the row below the cursor leads. */
  readonly enter: Place | null
  readonly keyAt: (at: number) => string | null
}

export const SHOWS = {
  rules: ['all', 'off', 'unserved', 'never-hit', 'unreachable', 'weighted'],
  endpoints: ['all', 'ejected', 'down', 'failing', 'draining', 'up'],
  connections: ['all', 'reading', 'dialing', 'relaying', 'half-closed'],
  ended: ['all'],
  why: ['all'],
} as const

export const ORDERS = {
  rules: ['conn/s', 'open', 'all', 'written', 'rule'],
  endpoints: ['worst first', 'conn/s', 'open', 'p99', 'endpoint'],
  connections: ['age', 'idle', 'bytes', 'client'],
  ended: ['the last first', 'lasted', 'bytes', 'client'],
  why: ['the last first'],
} as const

type ListKind = keyof typeof ORDERS

export const listKind = (place: Place): ListKind =>
  place.kind === 'connections' && place.isEnded ? 'ended' : place.kind

export const showOf = ({ place, show }: Level): string => SHOWS[listKind(place)][show]
export const orderOf = ({ place, order }: Level): string => ORDERS[listKind(place)][order]

const at = (place: Place): Level => ({
  place,
  filter: '',
  show: 0,
  order: 0,
  isReversed: false,
  at: 0,
  key: null,
})

const TABS: readonly Place[] = [
  { kind: 'rules' },
  { kind: 'endpoints', rule: null },
  { kind: 'connections', rule: null, endpoint: null, isEnded: false },
]

export const START: State = { levels: [at(TABS[0])], typing: null, isPaused: false, hasHelp: false }

export const levelOf = ({ levels }: State): Level => levels[levels.length - 1]

/** The next state; null: the key quits. */
export function press(state: State, key: string, seen: Seen): State | null {
  if (key === 'ctrl-c') return null
  if (state.typing !== null) return typed(state, state.typing, key)
  if (state.hasHelp) return { ...state, hasHelp: false }
  if (key === 'q' || key === 'Q') return null
  if (key === '?') return { ...state, hasHelp: true }
  if (key === '/') return { ...state, typing: levelOf(state).filter }
  if (key === 'p') return { ...state, isPaused: !state.isPaused }
  if (key === 'tab' || key === 'back-tab') return { ...state, levels: [at(tabFrom(state, key))] }
  return moved(state, key, seen)
}

/** The filter works as it is typed; escape drops it. */
function typed(state: State, typing: string, key: string): State {
  if (key === 'enter') return { ...state, typing: null }
  if (key === 'escape') return changed({ ...state, typing: null }, { filter: '', at: 0, key: null })
  const text = key === 'clear' ? '' : key === 'backspace' ? typing.slice(0, -1) : typing + letter(key)
  return changed({ ...state, typing: text }, { filter: text, at: 0, key: null })
}

const letter = (key: string): string => (key.length === 1 ? key : '')

function tabFrom({ levels }: State, key: 'tab' | 'back-tab'): Place {
  const index = TABS.findIndex(({ kind }) => kind === levels[0].place.kind)
  return TABS[(index + (key === 'tab' ? 1 : TABS.length - 1)) % TABS.length]
}

const changed = (state: State, change: Partial<Level>): State => ({
  ...state,
  levels: [...state.levels.slice(0, -1), { ...levelOf(state), ...change }],
})

function moved(state: State, key: string, seen: Seen): State {
  const level = levelOf(state)
  const { place, filter } = level
  const steps = stepsOf(key, level, seen)
  if (steps !== null) {
    const to = Math.max(0, Math.min(seen.total - 1, level.at + steps))
    return changed(state, { at: to, key: seen.keyAt(to) })
  }
  switch (key) {
    case 'enter':
    case 'right':
    case 'l':
      return seen.enter === null ? state : { ...state, levels: [...state.levels, at(seen.enter)] }
    case 'escape':
    case 'left':
    case 'h':
    case 'backspace':
      if (filter !== '') return changed(state, { filter: '', at: 0, key: null })
      return state.levels.length > 1 ? { ...state, levels: state.levels.slice(0, -1) } : state
    case 's':
      return changed(state, { order: (level.order + 1) % ORDERS[listKind(place)].length, isReversed: false })
    case 'r':
      return changed(state, { isReversed: !level.isReversed })
    case 'f':
      return changed(state, { show: (level.show + 1) % SHOWS[listKind(place)].length, at: 0, key: null })
    case 'e':
      if (place.kind !== 'connections') return state
      return changed(state, { ...at({ ...place, isEnded: !place.isEnded }), filter })
    default:
      return state
  }
}

function stepsOf(key: string, { at: from }: Level, { total, height }: Seen): number | null {
  const page = Math.max(1, height - 1)
  switch (key) {
    case 'up':
    case 'k':
      return -1
    case 'down':
    case 'j':
      return 1
    case 'page-up':
      return -page
    case 'page-down':
    case ' ':
      return page
    case 'home':
    case 'g':
      return -from
    case 'end':
    case 'G':
      return total - from
    default:
      return null
  }
}
