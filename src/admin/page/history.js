/**
 * The history of the last ten minutes. The gateway keeps none: it reports growing counts, and this
 * module takes the differences. Closing the page loses the history.
 */

import { place, roundPercent, shortNames, target } from './format.js'

const KEPT_S = 600
/** Answers kept, for rates over as many seconds. */
const ANSWERS_MAX = 61
/** A pause after which a line is broken. */
const GAP_S = 3.5
const LATENCY_S = 10
/** Generations whose changes are kept: as many as /reloads is asked for. */
const CHANGES_KEPT = 20

export class History {
  /** One per answer: `{ t, open, rate, from, to, p50, p90, p99, splits }`; a gap is all null. */
  points = []
  /** Where the generation changed: `{ t, text }`. */
  marks = []
  /**
   * What each generation since the page was opened did to the rules: lists of `{ sign, words, title
   * }`.
   */
  changes = new Map()
  #answers = []

  get last() {
    return this.#answers.at(-1)
  }

  add(answer) {
    const t = Date.now() / 1000
    const before = this.last
    if (before && Math.abs(startOf(t, answer) - startOf(before.t, before)) > GAP_S) {
      this.#answers = [] // another process
      this.changes.clear()
    } else if (before && answer.summary.generation !== before.summary.generation)
      this.#changed(t, before, answer)
    if (before && t - before.t > GAP_S) this.points.push({ t: t - 1e-3, splits: new Map() })
    this.#answers.push({ ...answer, t })
    if (this.#answers.length > ANSWERS_MAX) this.#answers.shift()
    this.points.push(this.#point(t, answer))
    while (this.points[0].t < t - KEPT_S) this.points.shift()
    while (this.marks.length > 0 && this.marks[0].t < t - KEPT_S) this.marks.shift()
  }

  /** The growth of `read(answer)` per second, over the last `seconds`; null: not known yet. */
  rate(read, seconds = 5) {
    const [old, now] = this.#ends(seconds)
    if (!old) return null
    const grown = read(now) - read(old)
    return grown < 0 ? null : grown / ((now.summary.monotonicMs - old.summary.monotonicMs) / 1000)
  }

  /**
   * The same for a rule, by its key; null also until a changed rule has been counted for that long.
   */
  ruleRate(key, field, seconds = 5) {
    const [old, now] = this.#ends(seconds)
    const [before, after] = [old, now].map(answer => answer?.rules.find(each => keyOf(each) === key))
    if (before?.sinceGeneration !== after?.sinceGeneration) return null
    return this.rate(({ rules }) => rules.find(each => keyOf(each) === key)?.[field] ?? 0, seconds)
  }

  column(field) {
    return this.points.map(point => point[field] ?? null)
  }

  /** A field of one destination's share; the line breaks where a changed rule is counted anew. */
  shareColumn(rule, destination, field) {
    return this.points.map(({ splits }, index) => {
      const now = splits.get(rule)
      const next = this.points[index + 1]?.splits.get(rule)
      const isLast = field !== 'configured' && next !== undefined && next.since !== now?.since
      return isLast ? null : (now?.shares.get(destination)?.[field] ?? null)
    })
  }

  get times() {
    return this.points.map(point => point.t)
  }

  #changed(t, before, { summary: { generation }, rules, rulesTotal }) {
    this.marks.push({ t, text: `gen ${generation}` })
    this.changes.set(generation, changedRules(before.rules, rules, rulesTotal > rules.length))
    for (const old of this.changes.keys()) if (old < generation - CHANGES_KEPT) this.changes.delete(old)
  }

  #ends(seconds) {
    const now = this.last
    const old = this.#answers.find(each => each.t >= now.t - seconds - 0.5)
    return old === now ? [null, now] : [old, now]
  }

  #point(t, { summary, rules }) {
    const weighted = rules.filter(each => each.destinations.length > 1)
    return {
      t,
      open: summary.counters.open,
      rate: this.rate(each => each.summary.counters.accepted, 1),
      from: this.rate(each => each.summary.counters.clientBytes, 1),
      to: this.rate(each => each.summary.counters.upstreamBytes, 1),
      ...this.#percentiles(),
      splits: new Map(
        weighted.map(rule => [keyOf(rule), { since: rule.sinceGeneration, shares: sharesOf(rule) }]),
      ),
    }
  }

  #percentiles() {
    const [old, now] = this.#ends(LATENCY_S)
    const before = new Map(old?.connect.map(each => [each.from, each.count]))
    const grown = now.connect.map(each => ({ ...each, count: each.count - (before.get(each.from) ?? 0) }))
    const dials = grown.reduce((sum, each) => sum + each.count, 0)
    if (!old || dials <= 0) return { dials: 0, p50: null, p90: null, p99: null }
    const at = share => {
      let left = Math.ceil(share * dials)
      for (const { to, count } of grown) {
        left -= count
        if (left <= 0) return to
      }
      return null
    }
    return { dials, p50: at(0.5), p90: at(0.9), p99: at(0.99) }
  }
}

/** When the gateway's process started, on this machine's clock. */
const startOf = (t, { summary }) => t - summary.uptimeS

/** @param isPart  Whether there are more rules than these: a missing rule may still exist. */
function changedRules(before, after, isPart) {
  const old = new Map(before.map(each => [place(each.rule), leadsTo(each)]))
  const now = new Map(after.map(each => [place(each.rule), leadsTo(each)]))
  const changes = []
  for (const [title, leads] of now) {
    const was = old.get(title)
    if (was === undefined && !isPart)
      changes.push({ sign: '+', words: 'added', title: `${title} → ${leads}` })
    if (was !== undefined && was !== leads)
      changes.push({ sign: '~', words: 'changed', title: `${title}: ${was} → ${leads}` })
  }
  for (const title of old.keys())
    if (!now.has(title) && !isPart) changes.push({ sign: '−', words: 'removed', title })
  return changes
}

function leadsTo({ destinations }) {
  const now = destinations.filter(each => each.configuredShare !== null)
  const names = shortNames(now)
  return now.map((each, index) => `${roundPercent(each.configuredShare)} ${names[index]}`).join(', ')
}

/**
 * A rule's key, stable over reloads; the listener tells apart rules with other destinations there.
 */
export const keyOf = ({ rule, listeners }) => `${place(rule)} ${listeners[0] ?? ''}`

const sharesOf = ({ destinations }) =>
  new Map(
    destinations.map(each => [
      target(each),
      {
        configured: each.configuredShare,
        ...(each.deliveredShare ?? { share: null, low: null, high: null }),
      },
    ]),
  )
