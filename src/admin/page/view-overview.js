/** The state of the gateway at a glance: rates, what needs a look, and the rules that are busy. */

import {
  bytes,
  count,
  micros,
  ORDINARY,
  percent,
  plural,
  rate,
  roundPercent,
  shortNames,
  written,
} from './format.js'
import { keyOf } from './history.js'
import { html, nothing } from './lit.js'
import { facts, ruleLink, table, tile, tileLook } from './parts.js'
import { href } from './router.js'
import { isOff, splitCard } from './split.js'

const BUSY_MAX = 8
const CARDS_MAX = 4
const RATE_S = 30
const DAY_MS = 86_400_000
/** Days before its end at which a certificate needs a look. */
const CERTIFICATE_DAYS = 14

export const overview = {
  title: 'Overview',
  everyMs: 5_000,
  async load({ ask }) {
    const [routes, endpoints, certificates, listeners, reloads, reasons] = await Promise.all([
      ask('/routes?limit=1'),
      ask('/endpoints?limit=1'),
      ask('/certificates'),
      ask('/listeners'),
      ask('/reloads?limit=1'),
      ask('/reasons'),
    ])
    return {
      routes,
      endpoints,
      certificates,
      listeners,
      reloads,
      reasons: reasons.reasons,
    }
  },
  show(view) {
    const { answer, data } = view
    const { rules, rulesTotal } = answer
    const busy = rules.toSorted((a, b) => b.connections - a.connections).slice(0, BUSY_MAX)
    const splits = rules.filter(
      each => each.destinations.filter(one => one.configuredShare !== null).length > 1,
    )
    const sorted = splits.toSorted(
      (a, b) => Number(isOff(b)) - Number(isOff(a)) || b.connections - a.connections,
    )
    // One is enough to show that nothing has come.
    const cards = sorted.filter((each, index) => index === 0 || each.connections > 0)
    return html`
      <section id="attention" class="card" aria-labelledby="attention-title">
        <h2 id="attention-title">Needs a look</h2>
        ${data ? attention(answer, data) : html`<p class="plain quiet">Asking …</p>`}
      </section>
      <section aria-labelledby="now-title">
        <h2 id="now-title" class="unseen">Now</h2>
        <div id="tiles" class="tiles">${TILES.map(kind => tileOf(kind, view))}</div>
      </section>
      <section class="card" aria-labelledby="busy-title">
        <div class="title">
          <h2 id="busy-title">Rules with the most connections</h2>
          <a href=${href('rules')}>All ${count(rulesTotal)} rules</a>
        </div>
        ${busyTable(busy, view)}
      </section>
      ${
        cards.length === 0
          ? nothing
          : html`<section aria-labelledby="splits-title">
        <div class="title">
          <h2 id="splits-title">Weighted splits</h2>
          <a href=${href('rules', { show: 'weighted' })}>All of them</a>
        </div>
        <p class="note">
          Dashed: the share that the weight asks for. Line: the share that was delivered. Shade: where the true share
          lies, with 95 % confidence for all rules at every moment. Dotted uprights: reloads.
        </p>
        <div id="split-cards" class="cards">${cards.slice(0, CARDS_MAX).map(rule => splitCard(rule, view))}</div>
      </section>`
      }
      <div class="pair">
        ${latency(view)}
        ${ends(view)}
      </div>
      ${workers(view)}
    `
  },
}

const TILES = [
  {
    name: 'Open connections',
    field: 'open',
    colour: 's1',
    value: ({ answer }) => count(answer.summary.counters.open),
    below: ({ answer }) => `${count(answer.summary.counters.accepted)} accepted since the start`,
  },
  {
    name: 'New connections',
    field: 'rate',
    colour: 's3',
    unit: '/s',
    value: ({ history }) => rate(history.rate(each => each.summary.counters.accepted)),
    below: ({ history }) => {
      const failed = history.rate(each => each.summary.counters.dialFailures)
      return `failed dials: ${failed === null ? '–' : `${rate(failed)} /s`}`
    },
  },
  {
    name: 'From clients',
    field: 'from',
    colour: 's2',
    unit: '/s',
    value: ({ history }) => bytes(history.rate(each => each.summary.counters.clientBytes)),
    below: ({ answer }) => `${bytes(answer.summary.counters.clientBytes)} since the start`,
  },
  {
    name: 'To clients',
    field: 'to',
    colour: 's4',
    unit: '/s',
    value: ({ history }) => bytes(history.rate(each => each.summary.counters.upstreamBytes)),
    below: ({ answer }) => `${bytes(answer.summary.counters.upstreamBytes)} since the start`,
  },
].map(kind => ({ ...kind, look: tileLook(kind) }))

function tileOf(kind, view) {
  const { history, rangeS } = view
  const { field, value, below } = kind
  const { times } = history
  return tile(kind, { words: value(view), below: below(view), times, column: history.column(field), rangeS })
}

/** What is not as it should be, each with a way to where it shows. */
function attention({ summary }, { routes, endpoints, certificates, listeners, reloads }) {
  const { counts } = routes
  const { states, names } = endpoints
  const [reload] = reloads.reloads
  const failing = listeners.listeners.filter(each => each.failures.length > 0).length
  const soon = certificates.certificates.filter(
    each => Date.parse(each.notAfter) - Date.now() < CERTIFICATE_DAYS * DAY_MS,
  ).length
  const amiss = ['unresolved', 'stale', 'partial'].filter(state => names[state] > 0)
  const found = [
    summary.draining && ['warn', 'The gateway drains: it takes no new connections.', null],
    failing > 0 && ['bad', `${plural(failing, 'listener')} could not be opened`, href('listeners')],
    !reloads.current &&
      reload && [
        'bad',
        `The last change of the files is ${reload.outcome}: generation ${reload.generation} stays`,
        href('reloads'),
      ],
    counts.unserved > 0 && [
      'bad',
      `${plural(counts.unserved, 'rule')} without an endpoint for a share`,
      href('rules', { show: 'unserved' }),
    ],
    counts.off > 0 && [
      'warn',
      `${plural(counts.off, 'split')} off its weights`,
      href('rules', { show: 'off' }),
    ],
    ...['down', 'ejected', 'failing', 'draining'].map(
      state =>
        states[state] > 0 && [
          state === 'draining' ? 'warn' : 'bad',
          `${plural(states[state], 'endpoint')} ${state}`,
          href('endpoints', { state }),
        ],
    ),
    ...amiss.map(state => ['warn', `${plural(names[state], 'DNS name')} ${state}`, href('endpoints')]),
    certificates.closed.length > 0 && [
      'bad',
      `${plural(certificates.closed.length, 'server')} without a certificate`,
      href('certificates'),
    ],
    soon > 0 && [
      'warn',
      `${plural(soon, 'certificate')} ${soon === 1 ? 'ends' : 'end'} within ${CERTIFICATE_DAYS} days`,
      href('certificates'),
    ],
    counts.unreachable > 0 && [
      'quiet',
      `${plural(counts.unreachable, 'rule')} that can never match`,
      href('rules', { show: 'unreachable' }),
    ],
  ].filter(Boolean)
  if (found.length === 0) return html`<p class="plain good">✓ Nothing</p>`
  return html`<ul class="attention">
    ${found.map(
      ([kind, text, to]) =>
        html`<li class=${kind}>${to === null ? text : html`<a href=${to}>${text}</a>`}</li>`,
    )}
  </ul>`
}

function busyTable(rules, { history }) {
  return table({
    caption: 'Rules with the most connections',
    columns: [
      ['Rule', 'rule'],
      ['Leads to', 'leads'],
      ['Conn/s', 'number'],
      ['Open', 'number'],
      ['Hits', 'number'],
    ],
    rows: rules,
    keyOf,
    empty: 'No rules: nothing is routed.',
    cells: rule => [
      html`${ruleLink(rule.rule, rule.listeners[0])}<span class="sub">${written(rule.rule)}</span>`,
      leads(rule),
      rate(history.ruleRate(keyOf(rule), 'connections')),
      count(rule.open),
      count(rule.connections),
    ],
  })
}

/** The destinations of a rule, short. */
export function leads({ never, destinations }) {
  if (never !== null) return html`<span class="warn">never matches: ${never}</span>`
  const shares = destinations.filter(one => one.configuredShare !== null)
  const names = shortNames(shares)
  return shares.map(
    (one, index) =>
      html`<span class="line">${shares.length === 1 ? nothing : `${roundPercent(one.configuredShare)} `}${names[index]}</span>`,
  )
}

const LINES = [
  { field: 'p50', name: 'Median', colour: 's1', letter: '50' },
  { field: 'p90', name: '90 %', colour: 's3', letter: '90' },
  { field: 'p99', name: '99 %', colour: 's2', letter: '99' },
]
const LATENCY = { height: 220, format: micros, lines: LINES }

function latency({ history, rangeS }) {
  const now = history.points.at(-1)
  const words = LINES.map(({ field, name }) => `${name} ${micros(now[field])}`).join(', ')
  const drawing = {
    times: history.times,
    columns: LINES.map(({ field }) => history.column(field)),
    marks: history.marks,
    words: `Connect latency over time. Now: ${words}.`,
    rangeS,
  }
  return html`<section id="latency" class="card" aria-labelledby="latency-title">
    <h2 id="latency-title">Connect latency</h2>
    <p class="note">From dialing an endpoint to its answer, of the dials in the last 10 seconds.</p>
    ${facts([...LINES.map(({ field, name }) => [name, micros(now[field])]), ['Dials', count(now.dials)]], 'facts big')}
    <weir-chart class="chart" .look=${LATENCY} .drawing=${drawing}></weir-chart>
  </section>`
}

function ends({ answer, history, data }) {
  const { closed } = answer.summary
  const all = Object.values(closed).reduce((sum, each) => sum + each, 0)
  const found = Object.entries(closed)
    .filter(([, times]) => times > 0)
    .sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1))
  return html`<section id="ends" class="card" aria-labelledby="ends-title">
    <h2 id="ends-title">Why connections end</h2>
    <p class="note">${count(all)} have ended, each for one reason. Rates are over ${RATE_S} seconds.</p>
    ${table({
      caption: 'Reasons for which connections ended',
      columns: [['Reason'], ['Per second', 'number'], ['Ever', 'number']],
      rows: found,
      keyOf: ([name]) => name,
      empty: 'None has ended yet.',
      cells: ([name, times]) => [
        html`<a href=${href('connections', { ended: '1', reason: name })}><code>${name}</code></a>
          ${ORDINARY.has(name) ? nothing : html`<span class="tag">not served</span>`}
          <span class="sub words">${data?.reasons[name] ?? ''}</span>`,
        rate(history.rate(each => each.summary.closed[name], RATE_S)),
        count(times),
      ],
    })}
  </section>`
}

const SIGNS = { accepting: '● accepting', starting: '▲ starting', draining: '▼ draining', ended: '✕ ended' }

function workers({ answer, history }) {
  const list = answer.workers
  const open = list.reduce((sum, each) => sum + each.counters.open, 0)
  return html`<section id="workers" class="card" aria-labelledby="workers-title">
    <h2 id="workers-title">Workers</h2>
    <p class="note">${count(open)} open connections over ${plural(list.length, 'thread')}.</p>
    ${table({
      caption: 'Workers and their share of the work',
      columns: [
        ['Worker'],
        ['State', 'state'],
        ['Gen.', 'number'],
        ['Conn/s', 'number'],
        ['Accepted', 'number'],
        ['Share of open', 'share'],
      ],
      rows: list,
      keyOf: each => each.worker,
      empty: 'None yet.',
      cells: ({ worker, state, generation, counters }) => [
        html`<span class="phone">Worker </span>${worker}`,
        SIGNS[state] ?? state,
        String(generation),
        rate(history.rate(each => each.workers[worker]?.counters.accepted ?? 0)),
        count(counters.accepted),
        html`<meter min="0" max="1" .value=${open === 0 ? 0 : counters.open / open} aria-label="Share of what is open"></meter>
          ${count(counters.open)} · ${percent(open === 0 ? null : counters.open / open)}`,
      ],
    })}
  </section>`
}
