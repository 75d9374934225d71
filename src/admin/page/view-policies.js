/** Who may connect: policies and limits for each source, where they are enforced, what they did. */

import { count } from './format.js'
import { html, nothing } from './lit.js'
import { pageOf, pager, table } from './parts.js'

const SIZE = 50
/** Listeners of one policy that are told. */
const LISTENERS_MAX = 3
const EFFECTS = { ALLOW: 'turned away', DENY: 'denied', AUDIT: 'marked' }

export const policies = {
  title: 'Policies',
  everyMs: 5_000,
  load: ({ params, ask }) => ask(`/policies?limit=${SIZE}&offset=${(pageOf(params) - 1) * SIZE}`),
  show: ({ params, data: { policies: list, total, limits } }) => html`<section
    class="card"
    aria-labelledby="policies-title"
  >
    <h2 id="policies-title">Who may connect</h2>
    <p class="note">
      ${
        total === 0
          ? 'Everybody: no AuthorizationPolicy is enforced.'
          : 'A DENY policy that matches denies; where there are ALLOW policies, one of them has to match. Decided before an endpoint is dialed.'
      }
    </p>
    ${
      total === 0
        ? nothing
        : table({
            caption: 'Policies, where they are enforced, and what they have done',
            columns: [
              ['Policy'],
              ['Action', 'nowrap'],
              ['Asks for', 'words'],
              ['Enforced at'],
              ['Connections', 'number'],
            ],
            rows: list,
            keyOf: each => each.policy,
            empty: '',
            cells: ({ policy, action, dryRun, listeners, rules, matches, file, line }) => [
              html`<code>${policy}</code><span class="sub">${file}:${line}</span>`,
              `${action}${dryRun ? ', dry run' : ''}`,
              rules,
              html`<span title=${listeners.join('\n')}>${some(listeners)}</span>`,
              `${count(matches)} ${dryRun ? 'would be denied' : EFFECTS[action]}`,
            ],
          })
    }
    ${pager(total, pageOf(params), SIZE)}
    ${
      limits.length === 0
        ? nothing
        : html`<h3 class="apart">What one source may have</h3>
          <ul id="limit-list" class="findings">
            ${limits.map(each => html`<li><code>${each.listener}</code> each source: ${each.limits}</li>`)}
          </ul>`
    }
  </section>`,
}

const some = listeners =>
  listeners.length <= LISTENERS_MAX
    ? listeners.join(', ')
    : `${listeners.slice(0, LISTENERS_MAX).join(', ')} and ${listeners.length - LISTENERS_MAX} more`
