/** All rules: searched, filtered, sorted and paged by the gateway, so that 10 000 are as quick as ten. */

import { ago, bytes, count, plural, rate, written } from './format.js'
import { keyOf } from './history.js'
import { html, nothing } from './lit.js'
import { pageOf, pager, ruleLink, table, tabs } from './parts.js'
import { change, go, href, submitted } from './router.js'
import { isOff } from './split.js'
import { leads } from './view-overview.js'

const SIZE = 50
const TYPING_MS = 200
/** Server names of a rule that are shown. */
const NAMES_MAX = 3

let typing = null

export const rules = {
  title: 'Rules',
  everyMs: 2_000,
  async load({ params, ask, history }) {
    const query = new URLSearchParams({ limit: String(SIZE), offset: String((pageOf(params) - 1) * SIZE) })
    for (const [name, value] of Object.entries({
      search: params.q,
      show: params.show,
      listener: params.listener,
      order: params.order,
      reverse: params.reverse,
    }))
      if (value) query.set(name, value)
    const found = await ask(`/routes?${query}`)
    history.addRules(found.rules)
    return found
  },
  show({ params, data, history }) {
    const { counts, total } = data
    const order = { by: params.order ?? 'written', reverse: params.reverse === 'true' }
    return html`<section class="card" aria-labelledby="rules-title">
      <h2 id="rules-title">Rules</h2>
      <p class="note">
        ${order.by === 'written' ? 'In the order in which they are tried; the first that matches decides. ' : ''}Counts
        start when the VirtualService last changed.
      </p>
      <div class="toolbar">
      <form class="search" role="search" @submit=${submitted}>
        <label><span class="unseen">Search</span> <input type="search" name="q" .value=${params.q ?? ''}
          placeholder="Search: name, file, host, address, condition" maxlength="200" spellcheck="false" autocomplete="off" @input=${typed} /></label>
      </form>
      ${tabs(
        'Filter of rules',
        'show',
        [
          ['', 'All', counts.all],
          ['off', 'Off', counts.off],
          ['unserved', 'Unserved', counts.unserved],
          ['never-hit', 'Never hit', counts['never-hit']],
          ['unreachable', 'Unreachable', counts.unreachable],
          ['weighted', 'Weighted', counts.weighted],
        ],
        params.show,
      )}
      </div>
      ${
        params.listener
          ? html`<p class="note">At ${params.listener} only. <a href=${change({ listener: '', page: '' })}>At every listener</a></p>`
          : nothing
      }
      ${table({
        caption: 'Rules, with their hits and rates',
        columns: [
          ['No.', 'number', 'written'],
          ['Rule', 'rule', 'name'],
          ['Leads to', 'leads'],
          ['Conn/s', 'number'],
          ['Open', 'number', 'open'],
          ['Hits', 'number', 'hits'],
          ['In', 'number'],
          ['Out', 'number'],
          ['Last hit', 'nowrap', 'last'],
        ],
        rows: data.rules,
        keyOf,
        empty: emptyText(params, counts),
        order,
        heading: 1,
        cells: each => cellsOf(each, history),
      })}
      ${pager(total, pageOf(params), SIZE)}
      ${unruled(data.unruled)}
    </section>`
  },
}

function typed({ target }) {
  clearTimeout(typing)
  typing = setTimeout(() => go(change({ q: target.value.trim(), page: '' }), { replace: true }), TYPING_MS)
}

function emptyText({ q, show }, { all }) {
  if (all === 0) return 'No rules: nothing is routed.'
  const all_ = html`<a href=${href('rules')}>All ${plural(all, 'rule')}</a>`
  if (q) return html`No rule has “${q}”${show ? ' and is like that' : ''}. ${all_}`
  return html`No rule is like that. ${all_}`
}

function cellsOf(each, history) {
  const { index, rule, serverNames, listeners, destinations, open, connections, lastAt, unserved } = each
  const key = keyOf(each)
  const at = listeners.length === 1 ? listeners[0] : plural(listeners.length, 'listener')
  const more = serverNames.length - NAMES_MAX
  const asked = serverNames.slice(0, NAMES_MAX).join(', ') + (more > 0 ? ` and ${more} more` : '')
  return [
    count(index + 1),
    html`${ruleLink(rule, listeners[0])}
      ${isOff({ destinations }) ? html`<span class="tag">off</span>` : nothing}
      ${unserved ? html`<span class="tag bad">unserved</span>` : nothing}
      ${asked === '' ? nothing : html`<span class="sub names" title=${serverNames.join('\n')}>${asked}</span>`}
      <span class="sub" title=${listeners.join('\n')}>${written(rule)} · ${at}</span>`,
    leads(each),
    rate(history.ruleRate(key, 'connections')),
    count(open),
    count(connections),
    perSecond(history.ruleRate(key, 'receivedBytes')),
    perSecond(history.ruleRate(key, 'sentBytes')),
    ago(lastAt),
  ]
}

const perSecond = value => (value === null ? '–' : `${bytes(value)}/s`)

/** What no rule took, and went on nevertheless. */
function unruled(list) {
  if (list.length === 0) return nothing
  return html`<h3 class="apart">Without a rule</h3>
    ${table({
      caption: 'Connections that no rule routed, by destination, since the start',
      columns: [['Destination'], ['Open', 'number'], ['Connections', 'number'], ['Last', 'nowrap']],
      rows: list,
      keyOf: ({ destination, other }) => `${other} ${JSON.stringify(destination)}`,
      empty: '',
      cells: ({ destination, other, open, connections, lastAt }) => [
        other
          ? 'others'
          : destination === null
            ? 'addresses that are no service'
            : `${destination.host}:${destination.port}`,
        count(open),
        count(connections),
        ago(lastAt),
      ],
    })}`
}
