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
      ask(`/connections${params.ended ? '/ended' : ''}?${query}`),
      params.ended ? ask('/reasons') : null,
    ])
    return { ...found, reasons: Object.keys(reasons?.reasons ?? {}) }
  },
  show({ params, data, answer }) {
    const { next } = data
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
      ${connectionTable({
        caption: isEnded ? 'Connections that ended last' : 'Connections that are open',
        connections: data.connections,
        ended: isEnded,
        empty: isChosen ? 'None is like that.' : isEnded ? 'None has ended yet.' : 'Nothing is open.',
      })}
      <nav class="pager" aria-label="Pages">
        <p>${count(data.connections.length)} shown${next === null ? ', and no more after them' : ''}</p>
        ${link('First', params.cursor ? change({ cursor: '' }) : null)}
        ${link('Next', next === null ? null : change({ cursor: next }))}
      </nav>
    </section>`
  },
}

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
