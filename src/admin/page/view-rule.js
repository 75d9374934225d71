/** One rule: what it asks, where it is written, where it leads, and what becomes of its connections. */

import { besideCard } from './beside.js'
import { ago, bytes, count, moment, place, plural, rate, roundPercent, target, written } from './format.js'
import { keyOf } from './history.js'
import { html, nothing } from './lit.js'
import { connectionTable, endpointTable, facts, tile, tileLook } from './parts.js'
import { href } from './router.js'
import { isOff, splitCard } from './split.js'

const DESTINATIONS_MAX = 8
const ENDPOINTS_MAX = 50
const CONNECTIONS_MAX = 10

export const rule = {
  title: 'Rule',
  under: 'rules',
  everyMs: 2_000,
  async load({ params, ask, history }) {
    const named = encodeURIComponent(params.rule ?? '')
    const found = await ask(`/routes?rule=${named}`)
    history.addRules(found.rules)
    const chosen = found.rules.find(each => each.listeners.includes(params.at)) ?? found.rules[0]
    if (!chosen) return { found }
    const drawn = chosen.destinations.filter(each => each.configuredShare !== null).slice(0, DESTINATIONS_MAX)
    const [open, ended, canary, ...endpoints] = await Promise.all([
      ask(`/connections?rule=${named}&limit=${CONNECTIONS_MAX}`),
      ask(`/connections/ended?rule=${named}&limit=${CONNECTIONS_MAX}`),
      drawn.length > 1 ? ask(`/canary?rule=${named}`) : null,
      ...drawn.map(each =>
        ask(`/endpoints?limit=${ENDPOINTS_MAX}&order=worst&destination=${encodeURIComponent(target(each))}`),
      ),
    ])
    const of = drawn.map((each, index) => {
      const exact = endpoints[index].endpoints.filter(one => one.destination.subset === each.subset)
      return { ...each, endpoints: exact, total: endpoints[index].total }
    })
    return { found, chosen, open, ended, canary, destinations: of }
  },
  show(view) {
    const { params, data } = view
    const { found, chosen } = data
    if (!chosen) return gone(params)
    const { rule, listeners, connections, open, lastAt, unserved, never } = chosen
    const key = keyOf(chosen)
    const isWeighted = chosen.destinations.length > 1
    return html`
      <section class="card" aria-labelledby="rule-title">
        <nav class="crumbs" aria-label="Where this is"><a href=${href('rules')}>Rules</a> / No. ${count(chosen.index + 1)}</nav>
        <div class="title">
          <h2 id="rule-title" class="place">${place(rule)}</h2>
          <p>
            ${isOff(chosen) ? html`<span class="tag">off its weights</span>` : nothing}
            ${unserved ? html`<span class="tag bad">unserved</span>` : nothing}
            ${never === null ? nothing : html`<span class="tag">never matches</span>`}
          </p>
        </div>
        ${others(found.rules, chosen)}
        ${facts(
          [
            ['Written', html`<code>${written(rule)}</code>`],
            never === null ? ['Asks for', conditions(chosen)] : ['Never matches', never],
            [
              'Listens',
              lines(listeners.map(each => html`<a href=${href('rules', { listener: each })}>${each}</a>`)),
            ],
            ['Counted', `since generation ${chosen.sinceGeneration}, ${moment(new Date(chosen.sinceAt))}`],
            chosen.example && ['Try', explainLink(chosen.example)],
          ],
          'answer',
        )}
      </section>
      <section aria-label="Rates of this rule"><div class="tiles">
        ${TILES.map(kind => tileOf(kind, key, chosen, view))}
      </div></section>
      ${isWeighted ? splitCard(chosen, view, { isLink: false }) : nothing}
      ${data.canary?.rules[0] ? besideCard(data.canary.rules[0]) : nothing}
      ${data.destinations.map(each => destinationCard(each))}
      <section class="card" aria-labelledby="open-title">
        <div class="title">
          <h2 id="open-title">Open connections</h2>
          <a href=${href('connections', { rule: place(rule) })}>All ${count(open)}</a>
        </div>
        ${connectionTable({
          caption: 'Open connections of this rule',
          connections: data.open.connections,
          withRule: false,
          empty: 'None is open.',
        })}
      </section>
      <section class="card" aria-labelledby="ended-title">
        <div class="title">
          <h2 id="ended-title">Ended last</h2>
          <a href=${href('connections', { rule: place(rule), ended: '1' })}>More of them</a>
        </div>
        ${connectionTable({
          caption: 'Connections of this rule that ended last',
          connections: data.ended.connections,
          ended: true,
          withRule: false,
          empty:
            connections === 0
              ? 'It had none yet.'
              : `None of the last that ended; the last hit: ${ago(lastAt)}.`,
        })}
      </section>
    `
  },
}

const gone = ({ rule: name }) => html`<section class="card" aria-labelledby="rule-title">
  <h2 id="rule-title">There is no rule ${name ? html`<code>${name}</code>` : ''}</h2>
  <p class="note">
    The configuration that is served now has none of this name. It may have been removed, or renumbered: rules are named
    by their place in the VirtualService.
  </p>
  <p class="links">
    <a href=${href('rules', { q: (name ?? '').replace(/ [^ ]*$/, '') })}>Rules of its VirtualService</a>
    <a href=${href('reloads')}>What reloads have changed</a>
  </p>
</section>`

/** The same rule leads elsewhere at another listener. */
const others = (rules, chosen) =>
  rules.length < 2
    ? nothing
    : html`<p class="note">At other listeners it leads elsewhere:
        ${rules.filter(each => each !== chosen).map(each => html`<a href=${href('rule', { rule: place(each.rule), at: each.listeners[0] })}>${each.listeners[0]}</a> `)}</p>`

const conditions = ({ conditions: list }) =>
  list.length === 0 ? 'nothing: it takes every connection that comes to it' : lines(list)

const lines = list => list.map(each => html`<span class="line">${each}</span>`)

const explainLink = example =>
  html`<a href=${href('explain', example)}>Explain a connection that fulfils this</a>`

const TILES = [
  {
    name: 'New connections',
    colour: 's3',
    unit: '/s',
    format: rate,
    column: points => points.rates('connections'),
    now: (history, key) => rate(history.ruleRate(key, 'connections')),
    below: each => `${count(each.connections)} since then, the last ${ago(each.lastAt)}`,
  },
  {
    name: 'Open',
    colour: 's1',
    format: count,
    column: points => points.column('open'),
    now: (_history, _key, each) => count(each.open),
    below: each =>
      each.destinations.length > 1 ? `over ${plural(each.destinations.length, 'destination')}` : '',
  },
  {
    name: 'From clients',
    colour: 's2',
    unit: '/s',
    format: bytes,
    column: points => points.rates('receivedBytes'),
    now: (history, key) => bytes(history.ruleRate(key, 'receivedBytes')),
    below: each => bytes(each.receivedBytes),
  },
  {
    name: 'To clients',
    colour: 's4',
    unit: '/s',
    format: bytes,
    column: points => points.rates('sentBytes'),
    now: (history, key) => bytes(history.ruleRate(key, 'sentBytes')),
    below: each => bytes(each.sentBytes),
  },
].map(kind => ({ ...kind, look: tileLook(kind) }))

function tileOf(kind, key, chosen, { history, rangeS }) {
  const points = history.rule(key)
  const words = kind.now(history, key, chosen)
  const { times } = points
  return tile(kind, { words, below: kind.below(chosen), times, column: kind.column(points), rangeS })
}

function destinationCard(each) {
  const { configuredShare, endpoints, total } = each
  const up = endpoints.filter(one => one.state === 'up').length
  const more = total > ENDPOINTS_MAX
  return html`<section class="card destination" aria-label=${`Endpoints of ${target(each)}`}>
    <div class="title">
      <h2>
        ${configuredShare < 1 ? html`<span class="quiet">${roundPercent(configuredShare)}</span> ` : nothing}${target(each)}
      </h2>
      <a href=${href('endpoints', { destination: target(each) })}>
        ${more ? `All ${count(total)} endpoints` : `${count(up)} of ${plural(endpoints.length, 'endpoint')} up`}
      </a>
    </div>
    ${endpointTable({
      caption: `Endpoints of ${target(each)}`,
      endpoints,
      withDestination: false,
      empty: 'It has no endpoint, or nothing defines it: its connections are reset.',
    })}
  </section>`
}
