/** Every rule in the order of evaluation, with its hits and rates. */

import { byId, h, setText, syncEmpty, syncRows } from './dom.js'
import { ago, bytes, count, place, plural, rate, roundPercent, shortNames } from './format.js'
import { keyOf } from './history.js'

/** Server names of a rule that are shown. */
const NAMES_MAX = 3

const CLASSES = ['rule', 'leads', 'number', 'number', 'number', 'number', 'number', 'nowrap']

export class Routes {
  show({ rules, rulesTotal }, history) {
    const body = byId('rules')
    syncEmpty(body, rules.length === 0, 'No rules: nothing is routed.')
    if (rules.length > 0) syncRows(body, rules, keyOf, rule => cellsOf(rule, history), CLASSES)
    const more = rulesTotal - rules.length
    if (more > 0)
      setText(
        byId('routes-note'),
        `The ${rules.length} that were hit most, of ${count(rulesTotal)}; /routes has all.`,
      )
    const names = byId('rule-names')
    const key = rules.map(each => place(each.rule)).join('\n')
    if (names.dataset.key === key) return
    names.dataset.key = key
    names.replaceChildren(...[...new Set(key.split('\n'))].map(value => h('option', { value })))
  }
}

function cellsOf(each, history) {
  const { rule, serverNames, listeners, never, destinations, open, connections, lastAt } = each
  const key = keyOf(each)
  const title = place(rule)
  const at = listeners.length === 1 ? listeners[0] : plural(listeners.length, 'listener')
  const where = `${rule.file}:${rule.line}`
  const more = serverNames.length - NAMES_MAX
  const asked = serverNames.slice(0, NAMES_MAX).join(', ') + (more > 0 ? ` and ${more} more` : '')
  const shares = destinations.filter(one => one.configuredShare !== null)
  const names = shortNames(shares)
  const leads = shares.map((one, index) =>
    shares.length === 1 ? names[index] : `${roundPercent(one.configuredShare)} ${names[index]}`,
  )
  const speed = history.ruleRate(key, 'connections')
  return [
    {
      key: `${title} ${where} ${listeners.join()} ${serverNames.join()}`,
      build: () => [
        h('code', { class: 'place' }, title),
        ...(asked === '' ? [] : [h('span', { class: 'sub names', title: serverNames.join('\n') }, asked)]),
        h('span', { class: 'sub', title: listeners.join('\n') }, `${where} · ${at}`),
      ],
    },
    {
      key: `${never} ${leads.join()}`,
      build: () =>
        never === null
          ? leads.map(text => h('span', { class: 'line' }, text))
          : [h('span', { class: 'warn' }, `never matches: ${never}`)],
    },
    rate(speed),
    count(open),
    count(connections),
    `${bytes(history.ruleRate(key, 'receivedBytes'))}/s`,
    `${bytes(history.ruleRate(key, 'sentBytes'))}/s`,
    ago(lastAt),
  ]
}
