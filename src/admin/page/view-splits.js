/**
 * For each weighted rule: the configured and the delivered share of each destination, with its
 * bounds and what they say.
 */

import { Chart } from './chart.js'
import { byId, h, setText, syncRows } from './dom.js'
import { clock, count, percent, place, plural, roundPercent, shortNames, target } from './format.js'
import { keyOf } from './history.js'

/** As many as there are colours; the table lists the others. */
const LINES_MAX = 6
const CARDS_MAX = 12
const LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ'
const letterOf = index => LETTERS[index] ?? String(index + 1)
const CLASSES = ['', 'number', 'number', 'number nowrap', 'number', 'nowrap']
const HEAD = ['Destination', 'Should be', 'Is', 'Bounds', 'Conn.', 'Verdict']

export class Splits {
  #cards = new Map()

  show({ rules }, history) {
    const all = rules.filter(each => each.destinations.length > 1)
    const weighted = all.slice(0, CARDS_MAX)
    const more = all.length - weighted.length
    setText(
      byId('splits-more'),
      more > 0 ? `And ${plural(more, 'weighted rule')} more: /routes has them all.` : '',
    )
    byId('splits').hidden = weighted.length === 0
    const old = new Set(this.#cards.keys())
    for (const rule of weighted) {
      const key = `${keyOf(rule)}\n${rule.destinations.map(target).join('\n')}`
      const card = this.#cards.get(key) ?? new Card(rule)
      this.#cards.set(key, card)
      old.delete(key)
      card.show(rule, history)
    }
    for (const key of old) {
      this.#cards.get(key).remove()
      this.#cards.delete(key)
    }
  }
}

class Card {
  #since = h('p', { class: 'note' })
  #chartHost = h('div', { class: 'chart' })
  #body = h('tbody')
  #names
  #root
  #chart

  constructor({ rule, destinations }) {
    this.#names = shortNames(destinations)
    const title = place(rule)
    const columns = HEAD.map((text, index) =>
      h('th', { scope: 'col', class: CLASSES[index].includes('number') ? 'number' : '' }, text),
    )
    this.#root = h(
      'article',
      { class: 'card split' },
      h('h3', null, h('code', null, title)),
      this.#since,
      this.#chartHost,
      h(
        'section',
        { class: 'scroll', 'aria-label': `Table of the split of ${title}`, tabIndex: 0 },
        h(
          'table',
          null,
          h('caption', { class: 'unseen' }, `Configured and delivered share by destination of ${title}`),
          h('thead', null, h('tr', null, ...columns)),
          this.#body,
        ),
      ),
    )
    byId('split-cards').append(this.#root)
    this.#chart = new Chart(this.#chartHost, lookOf(this.#names.slice(0, LINES_MAX)))
  }

  remove() {
    this.#root.remove()
  }

  show(rule, history) {
    const { destinations, sinceGeneration, sinceAt, split, connections } = rule
    const since = `since generation ${sinceGeneration}, ${clock(new Date(sinceAt))}`
    setText(this.#since, `${count(connections)} connections ${since}; drawn ${HOW[split] ?? 'by weight'}`)
    syncRows(this.#body, destinations, target, each => this.#cells(each, destinations.indexOf(each)), CLASSES)
    const drawn = destinations.slice(0, LINES_MAX)
    const columns = drawn.flatMap(each =>
      ['share', 'configured', 'high', 'low'].map(field =>
        history.shareColumn(keyOf(rule), target(each), field),
      ),
    )
    const words = drawn
      .map((each, index) => `${this.#names[index]} should be ${roundShare(each)}, is ${shareOf(each)}`)
      .join('; ')
    this.#chart.draw(history.times, columns, history.marks, `Shares over the last ten minutes. Now: ${words}`)
  }

  #cells(each, index) {
    const { configuredShare, deliveredShare, givenAway, connections } = each
    const name = `${letterOf(index)} ${target(each)}`
    const verdict = verdictOf(configuredShare, deliveredShare, givenAway)
    return [
      {
        key: name,
        build: () => [
          h('span', { class: `key k${index + 1}`, 'aria-hidden': 'true' }, letterOf(index)),
          h('span', { class: 'name', title: target(each) }, this.#names[index]),
        ],
      },
      roundShare(each),
      shareOf(each),
      deliveredShare
        ? `${percent(deliveredShare.low).slice(0, -2)} – ${percent(deliveredShare.high).slice(0, -2)}`
        : '–',
      count(connections),
      { key: verdict.text, build: () => [h('span', { class: verdict.kind }, verdict.text)] },
    ]
  }
}

const HOW = {
  random: 'at random, anew for each connection',
  exact: 'in turn, exactly',
  sticky: 'by the client’s address',
}

const roundShare = ({ configuredShare }) => (configuredShare === null ? '–' : roundPercent(configuredShare))
const shareOf = ({ deliveredShare }) => percent(deliveredShare?.share ?? null)

function verdictOf(configured, delivered, givenAway) {
  if (configured === null) return { kind: 'quiet', text: 'no longer led to' }
  const { kind, text } = VERDICTS[delivered?.verdict] ?? { kind: 'quiet', text: 'nothing yet' }
  return { kind, text: givenAway > 0 ? `${text}; gave ${count(givenAway)} to others while down` : text }
}

const VERDICTS = {
  'too-few': { kind: 'quiet', text: 'too few to say' },
  'as-asked': { kind: 'good', text: '✓ as asked' },
  off: { kind: 'warn', text: '! off' },
}

const lookOf = names => ({
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
})
