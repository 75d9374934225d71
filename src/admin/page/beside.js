/**
 * The destinations of a weighted rule beside each other: what is worse of a canary, and how sure
 * that is.
 */

import { bytes, count, duration, micros, percent, roundPercent, shortNames, target } from './format.js'
import { html, nothing } from './lit.js'
import { table } from './parts.js'

const shareOf = rate => percent(rate?.share ?? null)
const millis = ms => (ms < 10_000 ? micros(ms * 1_000) : duration(ms / 1_000))
const at = (quantiles, part) => (quantiles === null ? '–' : millis(quantiles[part]))
const rateRow = (label, name, isFault = true) => ({
  label,
  cell: each => shareOf(each[name]),
  compared: ({ comparisons }) => comparisons.filter(each => each.rate === name),
  words: each => rateWords(each, isFault),
})
const timeRow = (label, name, part) => ({
  label,
  cell: each => at(each[name], part),
  compared: ({ times }) => times.filter(each => each.time === name && each.part === part),
  words: timeWords,
})

/** Times are of the last connections that ended. */
const ROWS = [
  { label: 'Connections', cell: each => count(each.connections) },
  rateRow('Dials that fail', 'failedDials'),
  rateRow('Reset by the server', 'resets'),
  rateRow('Ended within a second', 'brief', false),
  rateRow('Without a byte from the server', 'silent', false),
  timeRow('Connect, median', 'connectMs', 'p50'),
  timeRow('Connect, 99 %', 'connectMs', 'p99'),
  timeRow('First byte, median', 'firstByteMs', 'p50'),
  timeRow('First byte, 99 %', 'firstByteMs', 'p99'),
  { label: 'Lasted, median', cell: each => at(each.lastedMs, 'p50') },
  { label: 'From clients', cell: each => bytes(each.receivedBytes) },
  { label: 'To clients', cell: each => bytes(each.sentBytes) },
]

const KINDS = { worse: 'bad', better: 'good', none: 'good', 'none-seen': 'quiet' }

/** Short connections are no fault in themselves. */
function rateWords({ verdict, needs }, isFault) {
  if (verdict === 'worse') return isFault ? '✕ worse, sure' : '▲ more, sure'
  if (verdict === 'better') return isFault ? '✓ better, sure' : '▼ fewer, sure'
  if (verdict === 'none') return '✓ no difference of two points'
  return `no difference seen yet; ${count(needs)} more connections would show one of two points`
}

const factor = times => String(Number(times.toPrecision(2)))

function timeWords({ verdict, atLeast, atMost, needs }) {
  if (verdict === 'worse') return `✕ slower, sure: at least ${factor(atLeast)} times as long`
  if (verdict === 'better') return `✓ quicker, sure: at most ${factor(atMost)} times as long`
  if (verdict === 'none') return '✓ no difference of a quarter'
  const range = atMost === null ? '' : `, ${factor(atLeast)} to ${factor(atMost)} times as long`
  const more =
    needs === null
      ? '; far more connections are needed'
      : `; ${count(needs)} more connections would show one of a quarter`
  return `no difference seen yet${range}${more}`
}

/** Nothing before somebody came. */
export function besideCard(canary) {
  const { destinations, comparisons, times } = canary
  if (destinations.every(({ failedDials }) => failedDials === null)) return nothing
  const names = shortNames(destinations)
  const beside = [...comparisons, ...times][0]?.beside ?? 0
  const others = destinations.flatMap((_, index) => (index === beside ? [] : [index]))
  const head = index => [
    html`${names[index]} <span class="quiet">${roundPercent(destinations[index].configuredShare)}</span>`,
    'number',
    undefined,
    names[index],
  ]
  return html`<section class="card" aria-labelledby="beside-title">
    <h2 id="beside-title">Beside each other</h2>
    <p class="note">Held against ${names[beside]}, by bounds that hold at every moment at once: looking often makes no difference of chance.</p>
    ${table({
      caption: `Destinations beside ${target(destinations[beside])}`,
      columns: [
        [html`<span class="unseen">What</span>`, 'what'],
        head(beside),
        ...others.flatMap(index => [head(index), [`Beside ${names[beside]}`, 'verdict']]),
      ],
      rows: ROWS,
      keyOf: ({ label }) => label,
      empty: '',
      cells: ({ label, cell, compared, words }) => [
        label,
        cell(destinations[beside]),
        ...others.flatMap(index => {
          const found = compared?.(canary).find(({ arm }) => arm === index)
          const verdict = found ? html`<span class=${KINDS[found.verdict]}>${words(found)}</span>` : nothing
          return [cell(destinations[index]), verdict]
        }),
      ],
    })}
  </section>`
}
