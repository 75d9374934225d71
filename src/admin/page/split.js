/**
 * A weighted rule: the configured and the delivered share of each destination over time, with its
 * bounds and what they say.
 */

import { count, moment, percent, place, roundPercent, shortNames, target } from './format.js'
import { keyOf } from './history.js'
import { html, nothing } from './lit.js'
import { ruleLink, table } from './parts.js'

/** As many as there are colours; the table lists the others. */
const LINES_MAX = 6
const LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ'
const letterOf = index => LETTERS[index] ?? String(index + 1)

export function splitCard(rule, { history, rangeS }, { isLink = true } = {}) {
  const { destinations, sinceGeneration, sinceAt, split, connections } = rule
  const names = shortNames(destinations)
  const drawn = destinations.slice(0, LINES_MAX)
  const points = history.rule(keyOf(rule))
  const words = drawn.map(
    (each, index) => `${names[index]} should be ${roundShare(each)}, is ${shareOf(each)}`,
  )
  const drawing = {
    times: points.times,
    columns: drawn.flatMap(each =>
      ['share', 'configured', 'high', 'low'].map(field => points.shares(target(each), field)),
    ),
    marks: history.marks,
    words: `Shares over time. Now: ${words.join('; ')}.`,
    rangeS,
  }
  const since = `since generation ${sinceGeneration}, ${moment(new Date(sinceAt))}`
  return html`<article class="card split">
    <h3>${isLink ? ruleLink(rule.rule, rule.listeners[0]) : 'Configured and delivered share'}</h3>
    <p class="note">${count(connections)} connections ${since}; drawn ${HOW[split] ?? 'by weight'}</p>
    <weir-chart class="chart" .look=${lookOf(names.slice(0, LINES_MAX))} .drawing=${drawing}></weir-chart>
    ${table({
      caption: `Configured and delivered share by destination of ${place(rule.rule)}`,
      columns: [
        ['Destination'],
        ['Should be', 'number'],
        ['Is', 'number'],
        ['Bounds', 'number'],
        ['Conn.', 'number'],
        ['Verdict', 'nowrap'],
      ],
      rows: destinations,
      keyOf: target,
      empty: '',
      cells: each => cellsOf(each, destinations.indexOf(each), names),
    })}
  </article>`
}

function cellsOf(each, index, names) {
  const { configuredShare, deliveredShare, givenAway, connections, clients } = each
  const verdict = verdictOf(configuredShare, deliveredShare, givenAway)
  return [
    html`<span class="key k${index + 1}" aria-hidden="true">${letterOf(index)}</span
      ><span class="name" title=${target(each)}>${names[index]}</span>`,
    roundShare(each),
    shareOf(each),
    deliveredShare
      ? `${percent(deliveredShare.low).slice(0, -2)} – ${percent(deliveredShare.high).slice(0, -2)}`
      : '–',
    count(connections),
    html`<span class=${verdict.kind}>${verdict.text}</span>${clients === null ? nothing : html` <span class="quiet">(${count(clients)} clients)</span>`}`,
  ]
}

/** What is wrong with a rule's shares in a word; '': nothing is. */
export const isOff = ({ destinations }) =>
  destinations.some(({ deliveredShare }) => deliveredShare?.verdict === 'off')

const HOW = {
  random: 'at random, anew for each connection',
  exact: 'in turn, exactly',
  sticky: 'by the client’s address, so shares are of clients',
}

const roundShare = ({ configuredShare }) => (configuredShare === null ? '–' : roundPercent(configuredShare))
const shareOf = ({ deliveredShare }) => percent(deliveredShare?.share ?? null)

/** What bounds say of a share, in words. */
export function verdictOf(configured, delivered, givenAway) {
  if (configured === null) return { kind: 'quiet', text: 'no longer led to' }
  const { kind, text } = VERDICTS[delivered?.verdict] ?? { kind: 'quiet', text: 'nothing yet' }
  return { kind, text: givenAway > 0 ? `${text}; gave ${count(givenAway)} to others while down` : text }
}

const VERDICTS = {
  'too-few': { kind: 'quiet', text: 'too few to say' },
  'as-asked': { kind: 'good', text: '✓ as asked' },
  off: { kind: 'warn', text: '! off' },
}

/** The same names have the same look, so that a chart is built once. */
const looks = new Map()

function lookOf(names) {
  const key = names.join('\n')
  const known = looks.get(key)
  if (known) return known
  const look = {
    height: 230,
    format: roundPercent,
    range: [0, 1],
    lines: names.flatMap((name, index) => [
      { name, colour: `s${index + 1}`, letter: letterOf(index) },
      { name: `${name}, configured`, colour: `s${index + 1}`, dash: true, step: true },
      { name: `${name}, at most`, colour: `s${index + 1}`, hidden: true },
      { name: `${name}, at least`, colour: `s${index + 1}`, hidden: true },
    ]),
    bands: names.map((_, index) => [index * 4 + 2, index * 4 + 3, `s${index + 1}`]),
  }
  looks.set(key, look)
  return look
}
