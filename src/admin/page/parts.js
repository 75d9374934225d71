/** What several views show in the same way. */

import { bytes, count, duration, ORDINARY, place, roundPercent, target } from './format.js'
import { html, nothing, repeat } from './lit.js'
import { change, href } from './router.js'

/**
 * On a phone each row is a block of its own, and each cell has the label of its column.
 *
 * @param columns  `[label, class, order, text]`; with an order the column sorts; the text is for a
 * label that is none.
 * @param heading  The cell of each row that names it.
 */
export function table({ caption, columns, rows, keyOf, cells, empty, order, heading = 0 }) {
  return html`<div class="scroll" role="region" aria-label=${`Table: ${caption}`}>
    <table>
      <caption class="unseen">${caption}</caption>
      <thead><tr>${columns.map(column => head(column, order))}</tr></thead>
      <tbody>${
        rows.length === 0
          ? html`<tr class="empty"><td colspan=${columns.length}>${empty}</td></tr>`
          : repeat(
              rows,
              keyOf,
              row =>
                html`<tr>${cells(row).map((cell, index) => cellOf(cell, columns[index], index === heading))}</tr>`,
            )
      }</tbody>
    </table>
  </div>`
}

/** Only a table that is wider than its card is a stop for the keyboard, which scrolls it. */
export function letKeysScroll(within) {
  for (const each of within.querySelectorAll('.scroll')) {
    if (each.scrollWidth > each.clientWidth) each.tabIndex = 0
    else each.removeAttribute('tabindex')
  }
}

const cellOf = (content, [label, kind = '', , text = label], isHeading) =>
  isHeading
    ? html`<th scope="row" class=${kind}>${content}</th>`
    : html`<td class=${kind} data-label=${typeof text === 'string' ? text : nothing}>${content}</td>`

/** Orders that begin with the least; all others begin with the most. */
const RISING = ['written', 'name']

function head([label, kind = '', by], order) {
  if (by === undefined) return html`<th scope="col" class=${kind}>${label}</th>`
  const isIt = order.by === by
  const reverse = isIt && !order.reverse ? 'true' : ''
  const isRising = RISING.includes(by) !== order.reverse
  const sign = isIt ? (isRising ? ' ▲' : ' ▼') : ''
  return html`<th scope="col" class=${kind} aria-sort=${isIt ? (isRising ? 'ascending' : 'descending') : nothing}>
    <a class="sort" href=${change({ order: by, reverse, page: '' })}>${label}<span aria-hidden="true">${sign}</span></a>
  </th>`
}

/** Filters of a list, as links; `current` is the value of the parameter. */
export const tabs = (label, name, entries, current) => html`<nav class="tabs" aria-label=${label}>
  ${entries.map(
    ([value, text, number]) => html`<a
      href=${change({ [name]: value, page: '', cursor: '' })}
      aria-current=${(current ?? '') === value ? 'true' : nothing}
      >${text}${number === undefined ? nothing : html` <span class="many">${count(number)}</span>`}</a
    >`,
  )}
</nav>`

/** Pages by number: "51 – 100 of 10 000", and links to the others. */
export function pager(total, page, size) {
  const last = Math.max(1, Math.ceil(total / size))
  if (total === 0) return nothing
  const from = (page - 1) * size + 1
  const link = (to, text) =>
    to < 1 || to > last || to === page
      ? html`<span class="button" aria-disabled="true">${text}</span>`
      : html`<a class="button" href=${change({ page: to === 1 ? '' : to })}>${text}</a>`
  return html`<nav class="pager" aria-label="Pages">
    <p>${count(Math.min(from, total))} – ${count(Math.min(page * size, total))} of ${count(total)}</p>
    ${last === 1 ? nothing : [link(1, 'First'), link(page - 1, 'Previous'), link(page + 1, 'Next'), link(last, 'Last')]}
  </nav>`
}

export const pageOf = ({ page }) => Math.max(1, Math.floor(Number(page)) || 1)

export const facts = (entries, kind = 'facts') => html`<dl class=${kind}>
  ${entries.filter(each => each).map(([name, value]) => html`<div><dt>${name}</dt><dd>${value}</dd></div>`)}
</dl>`

export const ruleLink = (rule, listener) =>
  html`<a class="place" href=${href('rule', { rule: place(rule), at: listener })}>${place(rule)}</a>`

export const endpointsLink = destination =>
  html`<a href=${href('endpoints', { destination: target(destination) })}>${target(destination)}</a>`

/** A refusal of the gateway, with its cure. */
export const refused = ({ message, hint }) => html`<div class="card refused" role="alert">
  <h2>The gateway refuses</h2>
  <p class="plain">${message}</p>
  ${hint ? html`<p class="note">${hint}</p>` : nothing}
</div>`

export const loading = html`<div class="card loading" role="status"><p class="plain">Asking the gateway …</p></div>`

const SIGNS = {
  up: ['good', '● up'],
  failing: ['warn', '▲ failing'],
  ejected: ['bad', '✕ ejected'],
  down: ['bad', '✕ down'],
  draining: ['warn', '▼ draining'],
}

export const endpointState = state => {
  const [kind, text] = SIGNS[state] ?? ['', state]
  return html`<span class="${kind} nowrap">${text}</span>`
}

const ms = value => (value < 10 ? `${value.toFixed(1)} ms` : `${Math.round(value)} ms`)

/** ", priority 1, us/b, 30 %"; nothing where all endpoints are alike. */
function group({ priority, locality, groupShare }) {
  if (priority === null) return ''
  const share = groupShare === null ? [] : [roundPercent(groupShare)]
  return [`priority ${priority}`, ...(locality === null ? [] : [locality]), ...share].join(', ')
}

/** @param may  What a row offers to whoever may change something; nothing: nobody may. */
export function endpointTable({ caption, endpoints, withDestination, empty, may }) {
  return table({
    caption,
    columns: [
      ['Endpoint', 'mono'],
      ...(withDestination ? [['Destination', 'wide']] : []),
      ['State', 'state'],
      ['Open', 'number'],
      ['Connections', 'number'],
      ['Failed', 'number'],
      ['In', 'number'],
      ['Out', 'number'],
      ['Connect p50 · p99', 'number'],
      ['Last error', 'nowrap'],
      ['Why', 'words'],
      ...(may ? [['Change', 'number']] : []),
    ],
    rows: endpoints,
    keyOf: each => `${each.endpoint} ${target(each.destination)}`,
    empty,
    cells: each => [
      html`<a href=${href('connections', { endpoint: each.endpoint })}>${each.endpoint}</a>`,
      ...(withDestination
        ? [
            html`${endpointsLink(each.destination)}${group(each) === '' ? nothing : html`<span class="sub">${group(each)}</span>`}`,
          ]
        : []),
      endpointState(each.state),
      count(each.open),
      count(each.connections),
      html`<span class=${each.failures > 0 ? 'warn' : 'quiet'}>${count(each.failures)}</span>`,
      bytes(each.receivedBytes),
      bytes(each.sentBytes),
      each.connectMs.p50 === null ? '–' : `${ms(each.connectMs.p50)} · ${ms(each.connectMs.p99)}`,
      each.lastError === null ? '–' : `${each.lastError.error}, ${duration(each.lastError.agoS)} ago`,
      [each.why, withDestination ? null : group(each)].filter(Boolean).join('; '),
      ...(may ? [may(each)] : []),
    ],
  })
}

/** Open or ended connections, as rows. */
export function connectionTable({ caption, connections, ended, withRule = true, empty }) {
  return table({
    caption,
    columns: [
      ['Client', 'mono'],
      ['Endpoint', 'mono'],
      ...(withRule ? [['Rule', 'place']] : []),
      ...(ended ? [['Ended', 'words']] : [['State']]),
      [ended ? 'Lasted' : 'Age', 'number'],
      [ended ? 'Ago' : 'Idle', 'number'],
      ['In', 'number'],
      ['Out', 'number'],
      ['Gen.', 'number'],
      ['Now', 'number'],
    ],
    rows: connections,
    keyOf: each => `${each.worker} ${each.id} ${each.acceptedAt}`,
    empty,
    cells: each => [
      html`${each.client ?? '–'}${each.peer === null ? nothing : html`<span class="sub">via ${each.peer}</span>`}`,
      html`${each.endpoint ?? '–'}${each.serverName === null ? nothing : html`<span class="sub">for ${each.serverName}</span>`}`,
      ...(withRule ? [each.rule ? ruleLink(each.rule) : each.outcome] : []),
      ended ? reasonOf(each) : each.state,
      duration((ended ? each.lastedMs : each.ageMs) / 1000),
      duration((ended ? Math.max(0, Date.now() - Date.parse(each.endedAt)) : each.idleMs) / 1000),
      bytes(each.fromClientBytes),
      bytes(each.toClientBytes),
      String(each.generation),
      again(each),
    ],
  })
}

/** What went wrong is told in a sentence; what did not, in a word. */
function reasonOf({ reason, meaning, endedBy, lostBytes, errno, deniedBy }) {
  const who = endedBy === 'weir' ? 'weir' : `the ${endedBy}`
  const more = [errno, deniedBy, lostBytes > 0 && `${bytes(lostBytes)} lost`].filter(Boolean)
  return html`<code title=${meaning}>${reason}</code>
    <span class="quiet">${[`by ${who}`, ...more].join(', ')}</span>
    ${ORDINARY.has(reason) ? nothing : html`<span class="sub">${meaning}</span>`}`
}

/** What the same connection would get now. */
function again({ client, peer, asked, listener, serverName, identity }) {
  if (asked === null || client === null) return nothing
  const [gateway] = listener.split(' ')
  return html`<a
    href=${href('explain', { gateway, to: asked, from: hostOf(client), peer: hostOf(peer ?? client), sni: serverName, identity })}
    aria-label=${`Explain a connection from ${client}`}
    >Explain</a
  >`
}

const hostOf = address => address.replace(/:\d+$/, '').replace(/^\[|\]$/g, '')

/** The look of a tile's chart: the same object each time, or the chart is made anew. */
export const tileLook = ({ name, colour, format = String }) => ({
  height: 44,
  bare: true,
  format,
  lines: [{ name, colour }],
})

/** A figure in words, and how it came about. */
export function tile({ name, unit, look }, { words, below, times, column, rangeS }) {
  const told = `${name} over time; now ${words}${unit ?? ''}.`
  const drawing = { times, columns: [column], marks: [], words: told, rangeS }
  return html`<article class="card tile">
    <h3>${name}</h3>
    <p class="figure"><span class="value">${words}</span>${unit ? html`<span class="unit">${unit}</span>` : nothing}</p>
    <p class="note">${below}</p>
    <weir-chart class="spark" .look=${look} .drawing=${drawing}></weir-chart>
  </article>`
}
