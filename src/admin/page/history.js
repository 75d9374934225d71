/**
 * The history of the last hour. The gateway keeps none: it reports growing counts, and this module
 * takes the differences. Closing the page loses the history.
 *
 * The last ten minutes have a point for each answer, what is older one in ten seconds.
 */

import { place, target } from './format.js'

const KEPT_S = 3600
/** What is older than this is thinned out to one point in THIN_S. */
const FINE_S = 600
const THIN_S = 10
/** Answers kept, for rates over as many seconds. */
const ANSWERS_MAX = 61
/** A pause after which a line is broken. */
const GAP_S = 5
const LATENCY_S = 10
/** Rules with a history: those of the overview, and those that were looked at last. */
const RULES_MAX = 200

export class History {
  /** One per answer: `{ t, open, rate, from, to, p50, p90, p99 }`; a gap is all null. */
  points = []
  /** Where the generation changed: `{ t, text }`. */
  marks = []
  /** By key, points of rules; the one that was looked at last comes last. */
  #rules = new Map()
  #answers = []

  get last() {
    return this.#answers.at(-1)
  }

  add(answer) {
    const t = Date.now() / 1000
    const before = this.last
    if (before && Math.abs(startOf(t, answer) - startOf(before.t, before)) > GAP_S) {
      this.#answers = [] // another process
      this.#rules.clear()
    } else if (before && answer.summary.generation !== before.summary.generation)
      this.marks.push({ t, text: `gen ${answer.summary.generation}` })
    this.#answers.push({ ...answer, t })
    if (this.#answers.length > ANSWERS_MAX) this.#answers.shift()
    push(this.points, this.#point(t, answer))
    while (this.marks.length > 0 && this.marks[0].t < t - KEPT_S) this.marks.shift()
    this.addRules(answer.rules, t)
  }

  /** Counts of rules at this moment, from whatever answer has them. */
  addRules(rules, t = Date.now() / 1000) {
    for (const each of rules) {
      const key = keyOf(each)
      const points = this.#rules.get(key) ?? []
      if (points.length > 0 && t - points.at(-1).t < 0.5) continue
      this.#rules.delete(key)
      this.#rules.set(key, points)
      const { connections, open, receivedBytes, sentBytes, sinceGeneration: since } = each
      const shares = each.destinations.length > 1 ? sharesOf(each) : null
      push(points, { t, since, connections, open, receivedBytes, sentBytes, shares })
    }
    for (const key of this.#rules.keys()) {
      if (this.#rules.size <= RULES_MAX) break
      this.#rules.delete(key)
    }
  }

  /** The growth of `read(answer)` per second, over the last `seconds`; null: not known yet. */
  rate(read, seconds = 5) {
    const [old, now] = this.#ends(seconds)
    if (!old) return null
    const grown = read(now) - read(old)
    return grown < 0 ? null : grown / ((now.summary.monotonicMs - old.summary.monotonicMs) / 1000)
  }

  /** Over the last two answers, however late the last one came; null where a line breaks. */
  #rateSinceLast(read) {
    const [before, now] = this.#answers.slice(-2)
    if (!now || now.t - before.t > GAP_S) return null
    const grown = read(now) - read(before)
    return grown < 0 ? null : grown / ((now.summary.monotonicMs - before.summary.monotonicMs) / 1000)
  }

  /**
   * The same for a rule, by its key; null also until a changed rule has been counted for that long.
   */
  ruleRate(key, field, seconds = 5) {
    const points = this.#rules.get(key) ?? []
    return growth(points, points.length - 1, field, seconds)
  }

  column(field) {
    return this.points.map(point => point[field] ?? null)
  }

  /** `{ times, column(field), rates(field), shares(destination, field) }` of one rule. */
  rule(key) {
    const points = this.#rules.get(key) ?? []
    return {
      times: points.map(each => each.t),
      column: field => points.map(each => each[field] ?? null),
      rates: field => points.map((_, index) => growth(points, index, field, 5)),
      // The line breaks where a changed rule is counted anew.
      shares: (destination, field) =>
        points.map(({ shares, since }, index) => {
          const next = points[index + 1]
          const isLast = field !== 'configured' && next !== undefined && next.since !== since
          return isLast ? null : (shares?.get(destination)?.[field] ?? null)
        }),
    }
  }

  get times() {
    return this.points.map(point => point.t)
  }

  #ends(seconds) {
    const now = this.last
    const old = this.#answers.find(each => each.t >= now.t - seconds - 0.5)
    return old === now ? [null, now] : [old, now]
  }

  #point(t, { summary }) {
    return {
      t,
      open: summary.counters.open,
      rate: this.#rateSinceLast(each => each.summary.counters.accepted),
      from: this.#rateSinceLast(each => each.summary.counters.clientBytes),
      to: this.#rateSinceLast(each => each.summary.counters.upstreamBytes),
      ...this.#percentiles(),
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

/** Adds a point; a pause is a point without values. */
function push(points, point) {
  const { t } = point
  const last = points.at(-1)
  if (last && t - last.t > GAP_S) points.push({ t: t - 1e-3, since: last.since })
  points.push(point)
  while (points[0].t < t - KEPT_S) points.shift()
  // The first point that is fine no more goes, if the one before it is near.
  const old = points.findIndex(each => each.t > t - FINE_S) - 1
  if (old > 0 && points[old].t - points[old - 1].t < THIN_S) points.splice(old, 1)
}

function growth(points, index, field, seconds) {
  const now = points[index]
  if (!now || now[field] === undefined) return null
  let first = index
  while (first > 0 && points[first - 1].t >= now.t - seconds - 0.5 && points[first - 1].since === now.since)
    first--
  const old = points[first]
  if (first === index || old[field] === undefined) return null
  const grown = now[field] - old[field]
  return grown < 0 ? null : grown / (now.t - old.t)
}

/** When the gateway's process started, on this machine's clock. */
const startOf = (t, { summary }) => t - summary.uptimeS

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
