/** All endpoints, those that need a look first; and DNS names that fail. */

import { count, plural } from './format.js'
import { html, nothing } from './lit.js'
import { endpointTable, pageOf, pager, tabs } from './parts.js'
import { change, go, href, submitted } from './router.js'

const SIZE = 50
const TYPING_MS = 200
/** States of DNS names that need a look; /names lists these first. */
const NAMES_AMISS = ['unresolved', 'stale', 'partial']
const NAMES_SHOWN = 20

let typing = null

export const endpoints = {
  title: 'Endpoints',
  everyMs: 2_000,
  async load({ params, ask }) {
    const query = new URLSearchParams({
      limit: String(SIZE),
      offset: String((pageOf(params) - 1) * SIZE),
      order: 'worst',
    })
    for (const [name, value] of Object.entries({
      search: params.q,
      state: params.state,
      destination: params.destination,
    }))
      if (value) query.set(name, value)
    const found = await ask(`/endpoints?${query}`)
    const amiss = NAMES_AMISS.some(state => found.names[state] > 0)
    const names = amiss ? (await ask(`/names?limit=${NAMES_SHOWN}`)).names : []
    return { ...found, failing: names.filter(each => NAMES_AMISS.includes(each.state)) }
  },
  show({ params, data, may }) {
    const { states, total, failing } = data
    const all = Object.values(states).reduce((sum, each) => sum + each, 0)
    return html`
      ${
        failing.length === 0
          ? nothing
          : html`<section id="names" class="card" aria-labelledby="names-title">
        <h2 id="names-title">DNS names that fail</h2>
        <ul class="findings">
          ${failing.map(
            each => html`<li class="warn"><strong>${each.name}</strong> ${each.state} (${each.why})
              <span class="quiet">${each.destinations.join(', ')}</span></li>`,
          )}
        </ul>
      </section>`
      }
      <section class="card" aria-labelledby="endpoints-title">
        <h2 id="endpoints-title">Endpoints</h2>
        <p class="note">
          Those that need a look come first. Open connections are of all destinations to that address and port; the
          other counts are of this destination, since the start.
        </p>
        <div class="toolbar">
        <form class="search" role="search" @submit=${submitted}>
          <label><span class="unseen">Search</span> <input type="search" name="q" .value=${params.q ?? ''}
            placeholder="Search: address, host, subset" maxlength="200" spellcheck="false" autocomplete="off" @input=${typed} /></label>
        </form>
        ${tabs(
          'Filter of endpoints',
          'state',
          [
            ['', 'All', all],
            ...['down', 'ejected', 'failing', 'draining', 'up'].map(state => [
              state,
              WORDS[state],
              states[state],
            ]),
          ],
          params.state,
        )}
        </div>
        ${
          params.destination
            ? html`<p class="note">Of ${params.destination} only. <a href=${change({ destination: '', page: '' })}>Of every destination</a></p>`
            : nothing
        }
        ${endpointTable({
          caption: 'Endpoints of each destination, with their state and the reason for it',
          endpoints: data.endpoints,
          withDestination: true,
          empty: emptyText(params, all),
          may: may && (each => drainButton(each, may)),
        })}
        ${pager(total, pageOf(params), SIZE)}
      </section>`
  },
}

const WORDS = { down: 'Down', ejected: 'Ejected', failing: 'Failing', draining: 'Draining', up: 'Up' }

function typed({ target }) {
  clearTimeout(typing)
  typing = setTimeout(() => go(change({ q: target.value.trim(), page: '' }), { replace: true }), TYPING_MS)
}

function emptyText({ q, state }, all) {
  if (all === 0) return 'No destination has an endpoint.'
  const link = html`<a href=${href('endpoints')}>All ${plural(all, 'endpoint')}</a>`
  return html`No endpoint ${q ? html`has “${q}”` : ''}${q && state ? ' and ' : ''}${state ? `is ${state}` : ''}${!q && !state ? 'of this destination' : ''}. ${link}`
}

/** Takes an endpoint out of rotation, or puts it back; whoever looks must confirm. */
function drainButton({ endpoint, state, open }, { send, done }) {
  const drains = state !== 'draining'
  const act = async () => {
    const words = drains
      ? `Take ${endpoint} out of rotation? Its ${count(open)} open connections stay.`
      : `Put ${endpoint} back into rotation?`
    if (!confirm(words)) return
    await send('POST', `/endpoints/${drains ? 'drain' : 'enable'}`, { endpoint })
    done()
  }
  return html`<button type="button" class="small" @click=${act}>${drains ? 'Drain' : 'Enable'}</button>`
}
