/** This gateway and the others of admin.fleet, as one: who differs, and the shares of all together. */

import { count, duration, percent, plural, roundPercent } from './format.js'
import { html, nothing } from './lit.js'
import { facts, table } from './parts.js'
import { isOff, verdictOf } from './split.js'

const RULES_MAX = 50

export const fleet = {
  title: 'Fleet',
  everyMs: 5_000,
  isOffered: answer => answer?.fleet === true,
  load: ({ ask }) => ask(`/fleet?limit=${RULES_MAX}`),
  show: ({ data }) => html`${replicasCard(data)} ${sharesCard(data)}`,
}

function replicasCard({ configuration, replicas }) {
  const answering = replicas.flatMap(each => each.summary ?? [])
  const sum = field => answering.reduce((all, each) => all + each.counters[field], 0)
  const ready = answering.filter(each => each.ready).length
  const same = answering.filter(each => each.configuration === configuration).length
  return html`<section class="card" aria-labelledby="replicas-title">
    <h2 id="replicas-title">${plural(replicas.length, 'replica')}</h2>
    ${facts([
      ['Ready', `${ready} of ${replicas.length}`],
      ['Same configuration', `${same} of ${replicas.length}`],
      ['Open', count(sum('open'))],
      ['Accepted', count(sum('accepted'))],
    ])}
    ${table({
      caption: 'Replicas, with what each serves',
      columns: [
        ['Replica', 'mono'],
        ['State', 'nowrap'],
        ['Configuration', 'mono'],
        ['Generation', 'number'],
        ['Up', 'number'],
        ['Open', 'number'],
        ['Version', 'nowrap'],
        ['Why', 'words'],
      ],
      rows: replicas,
      keyOf: each => each.place,
      empty: '',
      cells: each => cellsOf(each, configuration),
    })}
  </section>`
}

function cellsOf({ place, self, why, summary }, common) {
  const name = html`${place}${self && place !== 'this gateway' ? html` <span class="tag">this one</span>` : nothing}`
  if (summary === null)
    return [name, html`<span class="bad">✕ no answer</span>`, '–', '–', '–', '–', '–', why]
  const { ready, configuration, generation, uptimeS, version, counters } = summary
  const isBehind = configuration !== common
  return [
    name,
    ready
      ? html`<span class="good">● ready</span>`
      : html`<span class="warn">▲ ${summary.why === 'draining' ? 'draining' : 'not ready'}</span>`,
    html`<span class=${isBehind ? 'warn' : ''}>${isBehind ? '! ' : ''}${configuration}</span>`,
    String(generation),
    duration(Math.floor(uptimeS)),
    count(counters.open),
    version,
    why ?? nothing,
  ]
}

function sharesCard({ rules, rulesTotal }) {
  const rows = rules.flatMap(rule => rule.destinations.map((each, index) => ({ rule, each, index })))
  return html`<section class="card" aria-labelledby="shares-title">
    <h2 id="shares-title">Shares of all replicas together</h2>
    <p class="note">
      ${
        rulesTotal === 0
          ? 'No rule has several destinations.'
          : 'Of those that serve the configuration of most, since each rule changed. Shares that are off come first, then the rules with the most connections.'
      }
      ${rulesTotal > rules.length ? `${count(rules.length)} of ${plural(rulesTotal, 'weighted rule')} are shown.` : ''}
    </p>
    ${
      rulesTotal === 0
        ? nothing
        : table({
            caption: 'Configured and delivered shares of all replicas together',
            columns: [
              ['Rule', 'rule'],
              ['Destination', 'wide'],
              ['Should be', 'number'],
              ['Is', 'number'],
              ['Bounds', 'number'],
              ['Conn.', 'number'],
              ['Verdict', 'nowrap'],
            ],
            rows,
            keyOf: ({ rule, each }) => `${rule.rule} ${each.destination}`,
            empty: '',
            cells: shareCells,
          })
    }
  </section>`
}

function shareCells({ rule, each, index }) {
  const { configuredShare, deliveredShare, connections, destination } = each
  const { kind, text } = verdictOf(configuredShare, deliveredShare, 0)
  const isSticky = rule.split === 'sticky'
  return [
    index > 0
      ? html`<span class="unseen">${rule.rule}</span>`
      : html`${rule.rule}${isOff(rule) ? html` <span class="tag">off</span>` : nothing}
          ${rule.exactTo === null ? nothing : html`<span class="sub">exact to less than ${plural(rule.exactTo, 'connection')}</span>`}`,
    destination,
    configuredShare === null ? '–' : roundPercent(configuredShare),
    percent(deliveredShare?.share ?? null),
    deliveredShare
      ? `${percent(deliveredShare.low).slice(0, -2)} – ${percent(deliveredShare.high).slice(0, -2)}`
      : '–',
    count(connections),
    html`<span class=${isSticky ? 'quiet' : kind}>${isSticky ? 'by client: see each replica' : text}</span>`,
  ]
}
