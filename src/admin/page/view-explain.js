/** Where a connection would go now, and why: `weir explain --live` as a form, and as a link. */

import { roundPercent, written } from './format.js'
import { html, nothing } from './lit.js'
import { endpointsLink, facts, ruleLink } from './parts.js'
import { submitted } from './router.js'

const OUTCOMES = {
  route: '→ Goes by a rule',
  default: '→ Goes to its service: no rule takes it',
  passthrough: '→ Passed through: not a service',
  'no-route': '✕ Is reset: no rule takes it',
  denied: '✕ Is reset: only services may be reached',
}
const FIELDS = ['gateway', 'to', 'sni', 'from', 'peer', 'identity', 'namespace', 'labels']

export const explain = {
  title: 'Explain',
  everyMs: 5_000,
  async load({ params, ask }) {
    const { listeners } = await ask('/listeners')
    const asked = FIELDS.filter(name => params[name])
    if (!params.to) return { listeners, explanation: null }
    const query = new URLSearchParams(asked.map(name => [name, params[name]]))
    try {
      return { listeners, explanation: await ask(`/explain?${query}`) }
    } catch (error) {
      if (!error.answered) throw error
      return { listeners, explanation: null, refusal: error }
    }
  },
  show({ params, data }) {
    const { listeners, explanation, refusal } = data
    const gateways = [...new Set(listeners.map(each => each.gateway))]
    const [first] = listeners
    const given =
      params.to || params.gateway
        ? params
        : first
          ? { ...params, gateway: first.gateway, to: addressOf(first) }
          : params
    return html`<section id="explain" class="card" aria-labelledby="explain-title">
      <h2 id="explain-title">Where would a connection go?</h2>
      <p class="note">Asked of the table that the workers read now. Nothing is sent anywhere.</p>
      <form id="explain-form" class="form four" @submit=${submitted}>
        ${field('Gateway', 'gateway', '', given, { list: 'gateways', required: true })}
        <datalist id="gateways">${gateways.map(value => html`<option value=${value}></option>`)}</datalist>
        ${field('To, IP:port', 'to', '10.0.0.1:80', given, { required: true })}
        ${field('From, IP', 'from', 'any', given)}
        ${field('Peer, IP', 'peer', 'as From', given)}
        ${field('Server name', 'sni', 'no TLS', given)}
        ${field('Certificate of', 'identity', 'spiffe://…, a host', given)}
        ${field('Namespace', 'namespace', 'as the IP tells', given)}
        ${field('Labels', 'labels', 'app=web,tier=front', given)}
        <button type="submit" class="last">Explain</button>
      </form>
      <div id="answer" aria-live="polite">
        ${refusal ? html`<p class="warn">! ${refusal.message}. ${refusal.hint ?? ''}</p>` : nothing}
        ${explanation ? shown(explanation) : nothing}
      </div>
    </section>`
  },
}

const addressOf = ({ bind, port }) =>
  `${bind === '' ? '127.0.0.1' : bind.includes(':') ? `[${bind}]` : bind}:${port}`

const field = (label, name, placeholder, given, { list, required = false } = {}) => html`<label
  >${label}
  <input name=${name} .value=${given[name] ?? ''} placeholder=${placeholder} list=${list ?? nothing} ?required=${required}
    spellcheck="false" autocomplete="off"
/></label>`

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
    wouldBeDeniedBy !== null && ['Dry run', `would be denied by ${wouldBeDeniedBy}`],
    auditedBy !== null && ['Audit', `marked by ${auditedBy}`],
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
  return html`<h3>${headline(outcome, ends)}</h3>
    ${facts(
      [
        ['Because', reason],
        ends !== null && ['Ends', `reset: ${ends}`],
        ...policyFacts(answer),
        ['Rule', rule ? html`${ruleLink(rule, listener)} ${written(rule)}` : 'none'],
        ['Listener', listener ?? 'none'],
        [
          'Client',
          `namespace ${client.namespace ?? 'unknown'}${labels.length > 0 ? `, ${labels.join(', ')}` : ''}`,
        ],
        ['Generation', String(generation)],
      ],
      'answer',
    )}
    ${
      destinations.length === 0
        ? nothing
        : html`<h4>Destinations</h4>
          <ul class="destinations">
            ${destinations.map(
              each => html`<li>
                <strong>${roundPercent(each.share)}</strong> ${endpointsLink(each)}
                <span class="sub">${each.ends === null ? endpointsText(each) : `reset: ${each.ends}`}</span>
              </li>`,
            )}
          </ul>`
    }
    ${
      rejected.length === 0
        ? nothing
        : html`<h4>Tried before, in order, and not matched</h4>
          <ol class="rejected">
            ${rejected.map(each => html`<li>${ruleLink(each)}<span class="sub">${each.because}</span></li>`)}
          </ol>`
    }`
}
