/** Where a connection would go now, and why: `weir explain --live` as a form. */

import { byId, h } from './dom.js'
import { place, roundPercent, target } from './format.js'
import { ask } from './poll.js'

const OUTCOMES = {
  route: '→ Goes by a rule',
  default: '→ Goes to its service: no rule takes it',
  passthrough: '→ Passed through: not a service',
  'no-route': '✕ Is reset: no rule takes it',
  denied: '✕ Is reset: only services may be reached',
}

export class Explain {
  #form = byId('explain-form')
  #fields = this.#form.elements

  constructor() {
    this.#form.addEventListener('submit', event => {
      event.preventDefault()
      void this.#submit()
    })
  }

  /** Gateways to choose from; the first one is filled in until somebody types. */
  offer(listeners) {
    const gateways = [...new Set(listeners.map(each => each.gateway))]
    byId('gateways').replaceChildren(...gateways.map(value => h('option', { value })))
    const [first] = listeners
    if (!first || this.#fields.gateway.value !== '') return
    this.#fields.gateway.value = first.gateway
    this.#fields.to.value ||= first.bind
    this.#fields.port.value ||= String(first.port)
  }

  async #submit() {
    const { gateway, to, port, sni, from, namespace, labels } = this.#fields
    const host = to.value.trim()
    const query = new URLSearchParams({
      gateway: gateway.value.trim(),
      to: `${host.includes(':') ? `[${host.replace(/^\[|\]$/g, '')}]` : host}:${port.value.trim()}`,
    })
    for (const field of [sni, from, namespace, labels])
      if (field.value.trim() !== '') query.set(field.name, field.value.trim())
    try {
      byId('answer').replaceChildren(...shown(await ask(`/explain?${query}`)))
    } catch (error) {
      const hint = error.hint ? ` ${error.hint}` : ''
      byId('answer').replaceChildren(h('p', { class: 'warn' }, `! ${error.message}.${hint}`))
    }
  }
}

function headline(outcome, ends) {
  if (ends === 'denied-by-policy') return '✕ Is reset: a policy denies it'
  return ends === null || outcome === ends ? (OUTCOMES[outcome] ?? outcome) : '✕ Is reset'
}

/** null: its listener has no policies. */
function policyFacts({ authorization }) {
  if (!authorization) return []
  const { deniedBy, wouldBeDeniedBy, auditedBy } = authorization
  return [
    ['Policy', deniedBy === null ? 'lets it in' : `denied by ${deniedBy}`],
    ...(wouldBeDeniedBy === null ? [] : [['Dry run', `would be denied by ${wouldBeDeniedBy}`]]),
    ...(auditedBy === null ? [] : [['Audit', `marked by ${auditedBy}`]]),
  ]
}

/** Those of the first priority, then backups. */
function endpointsText({ endpoints, groups }) {
  if (groups === null) return endpoints.join(', ')
  return groups
    .map(
      each =>
        `${each.endpoints.join(', ')} (priority ${each.priority}${each.locality ? `, ${each.locality}` : ''})`,
    )
    .join('; ')
}

function shown(answer) {
  const { outcome, reason, ends, generation, listener, client, rule, destinations, rejected } = answer
  const labels = Object.entries(client.labels).map(([name, value]) => `${name}=${value}`)
  const facts = [
    ['Because', reason],
    ...(ends === null ? [] : [['Ends', `reset: ${ends}`]]),
    ...policyFacts(answer),
    ['Rule', rule ? h('span', null, h('code', null, place(rule)), ` ${rule.file}:${rule.line}`) : 'none'],
    ['Listener', listener ?? 'none'],
    [
      'Client',
      `namespace ${client.namespace ?? 'unknown'}${labels.length > 0 ? `, ${labels.join(', ')}` : ''}`,
    ],
    ['Generation', String(generation)],
  ]
  return [
    h('h3', null, headline(outcome, ends)),
    h(
      'dl',
      { class: 'answer' },
      ...facts.flatMap(([name, value]) => [h('dt', null, name), h('dd', null, value)]),
    ),
    destinations.length > 0 ? h('h4', null, 'Destinations') : null,
    destinations.length > 0
      ? h(
          'ul',
          { class: 'destinations' },
          ...destinations.map(each =>
            h(
              'li',
              null,
              h('strong', null, roundPercent(each.share)),
              ` ${target(each)}`,
              h('span', { class: 'sub' }, each.ends === null ? endpointsText(each) : `reset: ${each.ends}`),
            ),
          ),
        )
      : null,
    rejected.length > 0 ? h('h4', null, 'Tried before, in order, and not matched') : null,
    rejected.length > 0
      ? h(
          'ol',
          { class: 'rejected' },
          ...rejected.map(each =>
            h('li', null, h('code', null, place(each)), h('span', { class: 'sub' }, each.because)),
          ),
        )
      : null,
  ].filter(each => each !== null)
}
