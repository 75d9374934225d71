/** Who may connect: policies and limits for each source, where they are enforced, what they did. */

import { byId, h, setText, syncRows } from './dom.js'
import { count } from './format.js'
import { ask } from './poll.js'

const POLICIES_MAX = 50
/** Listeners of one policy that are told. */
const LISTENERS_MAX = 3
const EFFECTS = { ALLOW: 'turned away', DENY: 'denied', AUDIT: 'marked' }
const ANYBODY = 'Everybody: no AuthorizationPolicy is enforced.'
const DECIDED =
  'A DENY policy that matches denies; where there are ALLOW policies, one of them has to match. Decided before an endpoint is dialed.'
/** Between two looks at the counts, while the section can be seen. */
const EVERY_MS = 5000

export class Policies {
  #asking = false
  #hasPolicies = false

  constructor() {
    setInterval(() => this.#hasPolicies && !document.hidden && void this.read(), EVERY_MS)
  }

  async read() {
    if (this.#asking) return
    this.#asking = true
    try {
      this.#show(await ask(`/policies?limit=${POLICIES_MAX}`))
    } catch {
      // The next look says more.
    } finally {
      this.#asking = false
    }
  }

  #show({ policies, total, limits }) {
    this.#hasPolicies = total > 0
    const more = total - policies.length
    const rest = more > 0 ? ` And ${count(more)} more: /policies has them all.` : ''
    setText(byId('policies-note'), `${total === 0 ? ANYBODY : DECIDED}${rest}`)
    byId('policy-table').hidden = total === 0
    syncRows(
      byId('policy-rows'),
      policies,
      each => each.policy,
      ({ policy, action, dryRun, listeners, rules, matches, file, line }) => [
        {
          key: `${policy} ${file}:${line}`,
          build: () => [h('code', null, policy), h('span', { class: 'sub' }, `${file}:${line}`)],
        },
        `${action}${dryRun ? ', dry run' : ''}`,
        rules,
        some(listeners),
        `${count(matches)} ${dryRun ? 'would be denied' : EFFECTS[action]}`,
      ],
      ['', 'nowrap', '', '', 'number'],
    )
    byId('limit-list').replaceChildren(
      ...limits.map(each => h('li', null, h('code', null, each.listener), ` each source: ${each.limits}`)),
    )
  }
}

const some = listeners =>
  listeners.length <= LISTENERS_MAX
    ? listeners.join(', ')
    : `${listeners.slice(0, LISTENERS_MAX).join(', ')} and ${listeners.length - LISTENERS_MAX} more`
