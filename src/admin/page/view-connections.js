/** Open connections, and those that ended last, as chosen. */

import { count } from './format.js'
import { html, nothing } from './lit.js'
import { connectionTable, tabs } from './parts.js'
import { change, href, submitted } from './router.js'

const SIZE = 25
const FIELDS = ['client', 'peer', 'endpoint', 'rule', 'destination', 'listener', 'generation']

export const connections = {
  title: 'Connections',
  everyMs: 2_000,
  async load({ params, ask }) {
    const query = new URLSearchParams({ limit: String(SIZE) })
    for (const name of [...FIELDS, params.ended ? 'reason' : 'state', 'cursor'])
      if (params[name]) query.set(name, params[name])
    const [found, reasons] = await Promise.all([
      ask(`/connections${params.ended ? '/ended' : ''}?${query}`).catch(refusalOf),
      params.ended ? ask('/reasons') : null,
    ])
    return { ...found, cursor: params.cursor, reasons: Object.keys(reasons?.reasons ?? {}) }
  },
  show({ params, data, answer }) {
    const { refusal } = data
    const isEnded = params.ended === '1'
    const isChosen = [...FIELDS, 'state', 'reason'].some(name => params[name])
    const open = answer.summary.counters.open
    return html`<section class="card" aria-labelledby="connections-title">
      <h2 id="connections-title">Connections</h2>
      ${tabs(
        'Open or ended',
        'ended',
        [
          ['', 'Open', open],
          ['1', 'Ended last'],
        ],
        params.ended,
      )}
      <form class="form" aria-label="Choose connections" @submit=${submitted}>
        ${field('Client', 'client', '10.0.0.0/8', params)}
        ${field('Peer', 'peer', '10.0.0.0/8', params)}
        ${field('Endpoint', 'endpoint', '10.0.0.1:80', params)}
        ${field('Rule', 'rule', 'default/echo', params)}
        ${field('Destination', 'destination', 'host', params)}
        ${field('Generation', 'generation', 'any', params)}
        ${
          isEnded
            ? select('Reason', 'reason', data.reasons, params)
            : select('State', 'state', ['reading', 'dialing', 'relaying', 'half-closed'], params)
        }
        <button type="submit">Show</button>
      </form>
      <p class="note">
        Peer: the other end of the socket: a load balancer that named the client, or the client itself.
        ${isEnded ? 'The last 10 000 that ended are kept, the latest first.' : `${count(open)} open in all.`}
        ${isChosen ? html`<a href=${href('connections', { ended: params.ended })}>Without a filter</a>` : nothing}
      </p>
      ${refusal ? html`<p class="warn" role="alert">! ${refusal.message}. ${refusal.hint ?? ''}</p>` : list(data, isEnded, isChosen)}
    </section>`
  },
}

/** A filter that says nothing; the form stays, to be mended. */
function refusalOf(error) {
  if (!error.answered) throw error
  return { connections: [], next: null, refusal: error }
}

const list = ({ connections: found, next, cursor }, isEnded, isChosen) => html`${connectionTable({
  caption: isEnded ? 'Connections that ended last' : 'Connections that are open',
  connections: found,
  ended: isEnded,
  empty: isChosen ? 'None is like that.' : isEnded ? 'None has ended yet.' : 'Nothing is open.',
})}
  <nav class="pager" aria-label="Pages">
    <p>${count(found.length)} shown${next === null ? ', and no more after them' : ''}</p>
    ${link('First', cursor ? change({ cursor: '' }) : null)}
    ${link('Next', next === null ? null : change({ cursor: next }))}
  </nav>`

const link = (text, to) =>
  to === null
    ? html`<span class="button" aria-disabled="true">${text}</span>`
    : html`<a class="button" href=${to}>${text}</a>`

const field = (label, name, placeholder, params) => html`<label
  >${label} <input name=${name} .value=${params[name] ?? ''} placeholder=${placeholder} spellcheck="false" autocomplete="off"
/></label>`

const select = (label, name, values, params) => html`<label
  >${label}
  <select name=${name}>
    <option value="" ?selected=${!params[name]}>any</option>
    ${values.map(value => html`<option ?selected=${params[name] === value}>${value}</option>`)}
  </select></label>`
