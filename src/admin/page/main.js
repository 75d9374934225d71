/**
 * The page of a weir gateway: polls once a second, keeps ten minutes, and passes each answer to the
 * views.
 */

import { byId, setFacts, setText } from './dom.js'
import { clock, duration, plural } from './format.js'
import { History } from './history.js'
import { ask, poll } from './poll.js'
import { Connections } from './view-connections.js'
import { Endpoints } from './view-endpoints.js'
import { Ends } from './view-ends.js'
import { Explain } from './view-explain.js'
import { Latency } from './view-latency.js'
import { Now } from './view-now.js'
import { Policies } from './view-policies.js'
import { Reloads } from './view-reloads.js'
import { Routes } from './view-routes.js'
import { Splits } from './view-splits.js'
import { Workers } from './view-workers.js'

const history = new History()
const explain = new Explain()
const policies = new Policies()
const reloads = new Reloads()
const workers = new Workers()
const parts = [
  new Now(),
  new Routes(),
  new Splits(),
  new Latency(),
  new Ends(),
  workers,
  new Connections(),
  new Endpoints(),
]
/** Data beside the overview; read again when this changes. */
let seen = ''
let silentSince = null

poll('/overview', {
  onAnswer(answer) {
    silentSince = null
    byId('gone').hidden = true
    document.body.classList.remove('silent')
    history.add(answer)
    showHead(answer)
    for (const part of parts) part.show(answer, history)
    void readRest(answer)
  },
  onSilence(error) {
    silentSince ??= new Date()
    seen = '' // the next answer may come from another process
    document.body.classList.add('silent')
    setState('gone', '✕', error.answered ? error.message : 'No answer')
    const gone = byId('gone')
    gone.hidden = false
    const shown = history.last ? ` What is shown is of ${clock(new Date(history.last.t * 1000))}.` : ''
    const why = error.answered ? `The gateway answers: ${error.message}` : 'The gateway does not answer'
    setText(gone, `${why}, since ${clock(silentSince)}.${shown} It is asked again every second.`)
  },
})

function showHead({ summary }) {
  const { ready, why, draining, generation, uptimeS, engine, workers: count, version } = summary
  if (draining) setState('warn', '▼', 'Draining')
  else if (ready) setState('good', '●', 'Ready')
  else setState('warn', '▲', why === 'no-listener' ? 'Nothing to serve' : 'Not ready')
  setFacts(byId('facts'), [
    ['Generation', String(generation)],
    ['Up', duration(Math.floor(uptimeS))],
    ['Engine', `${engine}, ${plural(count, 'worker')}`],
    ['Version', version],
  ])
  document.title = `${ready ? '' : '▲ '}weir, generation ${generation}`
}

function setState(kind, sign, words) {
  const state = byId('state')
  if (state.dataset.kind !== kind) state.dataset.kind = kind
  setText(state, `${sign} ${words}`)
}

/** Data that seldom changes: listeners and reloads. */
async function readRest({ summary, workers: list }) {
  const now = [
    summary.generation,
    summary.lastReload.number,
    summary.ready,
    ...list.map(each => each.generation),
  ].join()
  if (now === seen) return
  seen = now
  try {
    const [{ listeners }, answer] = await Promise.all([ask('/listeners'), ask('/reloads?limit=20')])
    workers.showListeners(listeners)
    explain.offer(listeners)
    void policies.read()
    reloads.show(answer, history.changes)
  } catch {
    seen = '' // with the next answer
  }
}
