/** Endpoints and what weir thinks of them; polled only while the view is visible. */

import { byId, setText, syncEmpty, syncRows } from './dom.js'
import { count, duration, roundPercent } from './format.js'
import { ask } from './poll.js'

const LIMIT = 50
const EVERY_MS = 2_000
const SIGNS = {
  up: '● up',
  failing: '▲ failing',
  ejected: '✕ ejected',
  down: '✕ down',
  draining: '▼ draining',
}
/** Those that need a look come first. */
const ORDER = ['ejected', 'down', 'failing', 'draining', 'up']
/** States of DNS names that need a look; /names lists these first. */
const NAMES_AMISS = ['unresolved', 'stale', 'partial']
const NAMES_SHOWN = 5
const CLASSES = ['mono', '', 'nowrap', 'number', 'number nowrap', '', '']

export class Endpoints {
  #isOnScreen = false
  #isAsking = false
  #askedAt = Number.NEGATIVE_INFINITY

  constructor() {
    new IntersectionObserver(entries => {
      this.#isOnScreen = entries.at(-1).isIntersecting
    }).observe(byId('endpoints'))
  }

  show() {
    const isDue = performance.now() - this.#askedAt >= EVERY_MS - 100
    if (this.#askedAt < 0 || (isDue && this.#isOnScreen)) void this.#ask()
  }

  async #ask() {
    if (this.#isAsking) return
    this.#isAsking = true
    this.#askedAt = performance.now()
    try {
      this.#show(await this.#pages())
    } catch (error) {
      setText(byId('endpoints-note'), `! ${error.message}`)
    }
    this.#isAsking = false
  }

  /** Those that are not up, then the first of the others. */
  async #pages() {
    const { states, names, total, endpoints } = await ask(`/endpoints?limit=${LIMIT}`)
    const isFailing = NAMES_AMISS.some(state => names[state] > 0)
    const failing = isFailing ? await failingNames(names) : ''
    const wanted = ORDER.filter(state => state !== 'up' && states[state] > 0)
    if (total <= LIMIT || wanted.length === 0) return { states, endpoints, failing }
    const pages = await Promise.all(wanted.map(state => ask(`/endpoints?limit=${LIMIT}&state=${state}`)))
    const others = endpoints.filter(each => each.state === 'up')
    return {
      states,
      failing,
      endpoints: [...pages.flatMap(page => page.endpoints), ...others].slice(0, LIMIT),
    }
  }

  #show({ states, endpoints, failing }) {
    const all = Object.values(states).reduce((sum, each) => sum + each, 0)
    const parts = ORDER.filter(state => states[state] > 0).map(state => `${count(states[state])} ${state}`)
    const shown = endpoints.length < all ? ` Shown: ${count(endpoints.length)}.` : ''
    setText(byId('endpoints-note'), `${parts.join(', ') || 'None'}.${shown}${failing}`)
    const body = byId('endpoint-rows')
    syncEmpty(body, endpoints.length === 0, 'No destination has an endpoint.')
    if (endpoints.length === 0) return
    const sorted = endpoints.toSorted((a, b) => ORDER.indexOf(a.state) - ORDER.indexOf(b.state))
    syncRows(body, sorted, keyOf, cellsOf, CLASSES)
  }
}

/** " ▲ DNS names: a.test unresolved (NXDOMAIN), and 2 more." */
async function failingNames(states) {
  const { names } = await ask(`/names?limit=${NAMES_SHOWN}`)
  const shown = names.filter(each => NAMES_AMISS.includes(each.state))
  const all = NAMES_AMISS.reduce((sum, state) => sum + states[state], 0)
  const rest = all > shown.length ? `, and ${count(all - shown.length)} more` : ''
  return ` ▲ DNS names: ${shown.map(each => `${each.name} ${each.state} (${each.why})`).join(', ')}${rest}.`
}

const destination = ({ destination: { host, port, subset } }) =>
  `${host}:${port}${subset === null ? '' : ` subset ${subset}`}`

/** ", priority 1, us/b, 30 %"; nothing where all endpoints are alike. */
function group({ priority, locality, groupShare }) {
  if (priority === null) return ''
  const share = groupShare === null ? [] : [roundPercent(groupShare)]
  return ['', `priority ${priority}`, ...(locality === null ? [] : [locality]), ...share].join(', ')
}

const keyOf = each => `${each.endpoint} ${destination(each)}`

const cellsOf = each => [
  each.endpoint,
  `${destination(each)}${group(each)}`,
  SIGNS[each.state] ?? each.state,
  count(each.open),
  each.connectMs.p50 === null ? '–' : `${ms(each.connectMs.p50)} / ${ms(each.connectMs.p99)}`,
  each.lastError === null ? '–' : `${each.lastError.error}, ${duration(each.lastError.agoS)} ago`,
  each.why ?? '',
]

const ms = value => (value < 10 ? `${value.toFixed(1)} ms` : `${Math.round(value)} ms`)
