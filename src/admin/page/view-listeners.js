/** The listening sockets, and whether every worker could open them. */

import { html } from './lit.js'
import { table } from './parts.js'
import { href } from './router.js'

export const listeners = {
  title: 'Listeners',
  everyMs: 5_000,
  load: ({ ask }) => ask('/listeners'),
  show: ({ data }) => html`<section id="listeners" class="card" aria-labelledby="listeners-title">
    <h2 id="listeners-title">Listeners</h2>
    <p class="note">Of generation ${data.generation}. Each worker has a socket of its own.</p>
    ${table({
      caption: 'Listeners, and whether every worker could open them',
      columns: [['Address', 'mono'], ['Gateway'], ['State'], ['See', 'number']],
      rows: data.listeners.toSorted((a, b) => b.failures.length - a.failures.length),
      keyOf: each => each.listener,
      empty: 'None: no Gateway and no service port is served.',
      cells: ({ listener, bind, port, gateway, redirect, failures }) => [
        `${bind === '' ? '*' : bind.includes(':') ? `[${bind}]` : bind}:${port}`,
        `${gateway}${redirect ? ', redirected' : ''}`,
        failures.length === 0
          ? html`<span class="good">● open</span>`
          : failures.map(
              each =>
                html`<span class="line bad">✕ worker ${each.worker}: ${each.code}: ${each.message}</span>`,
            ),
        html`<span class="links"><a href=${href('rules', { listener })}>Rules</a><a href=${href('connections', { listener })}>Connections</a></span>`,
      ],
    })}
  </section>`,
}
