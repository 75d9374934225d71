/** The outcome of each reload: what it changed, what was wrong, and how long it took. */

import { clock, plural } from './format.js'
import { html, nothing } from './lit.js'

const SIGNS = {
  taken: '✓ Taken',
  refused: '✕ Refused',
  guarded: '✕ Refused by the guard',
  emptied: '✕ Refused, files are empty',
  failed: '✕ Failed',
}
const FINDINGS_MAX = 12
const TITLES_MAX = 8
/** As many as the gateway keeps. */
const RELOADS_MAX = 64

export const reloads = {
  title: 'Reloads',
  everyMs: 2_000,
  load: ({ ask }) => ask(`/reloads?limit=${RELOADS_MAX}`),
  show({ data: { counts, reloads: list }, history, may }) {
    const told = Object.entries(counts)
      .filter(([name, times]) => times > 0 || name === 'taken')
      .map(([name, times]) => `${times} ${name}`)
    return html`<section id="reloads" class="card" aria-labelledby="reloads-title">
      <h2 id="reloads-title">Reloads</h2>
      <p class="note">${told.join(', ')}. What is refused changes nothing: the generation before it stays.</p>
      <ol id="reload-list" class="timeline">
        ${list.map((each, index) => entry(each, history.changes.get(each.generation) ?? [], index === 0 && may))}
      </ol>
    </section>`
  },
}

function entry(reload, rules, may) {
  const { number, at, outcome, generation, totalMs, stagesMs, errors, warnings, findings, note } = reload
  const isTaken = outcome === 'taken'
  const stages = Object.entries(stagesMs).map(([name, ms]) => `${name} ${ms}`)
  const told = [
    `generation ${generation} ${isTaken ? 'served' : 'stays'}`,
    totalMs > 0 ? `${totalMs} ms (${stages.join(', ')})` : null,
    errors > 0 ? plural(errors, 'error') : null,
    warnings > 0 ? plural(warnings, 'warning') : null,
  ]
  return html`<li class=${isTaken ? 'taken' : 'refused'}>
    <h3>
      <span class=${isTaken ? 'good' : 'bad'}>${SIGNS[outcome] ?? outcome}</span>
      ${number === 1 ? 'at the start' : `reload ${number}`}, <time datetime=${at} title=${at}>${clock(new Date(at))}</time>
    </h3>
    <p class="note">${told.filter(each => each !== null).join(' · ')}</p>
    ${changesOf(reload)}
    ${
      isTaken && rules.length > 0
        ? html`<ul class="changes rules">${rules.slice(0, TITLES_MAX).map(change)}</ul>`
        : nothing
    }
    ${note === null ? nothing : html`<p>${note}</p>`}
    ${
      findings.length === 0
        ? nothing
        : html`<ul class="findings">
          ${findings.slice(0, FINDINGS_MAX).map(finding)}
          ${findings.length > FINDINGS_MAX ? html`<li class="quiet">and ${findings.length - FINDINGS_MAX} more: weir check has them all</li>` : nothing}
        </ul>`
    }
    ${may && outcome === 'guarded' && reload.checksum ? acceptButton(reload, may) : nothing}
  </li>`
}

/** Takes what the guard has refused; whoever looks must confirm. */
function acceptButton({ checksum, note }, { send, done }) {
  const act = async () => {
    if (!confirm(`Take this change, with what it costs? ${note ?? ''}`)) return
    await send('POST', '/reload', { accept: checksum })
    done()
  }
  return html`<button type="button" class="small" @click=${act}>Accept the change</button>`
}

const CHANGES = [
  ['added', '+', 'added'],
  ['changed', '~', 'changed'],
  ['removed', '−', 'removed'],
]

function changesOf({ resources, listeners }) {
  const all = CHANGES.flatMap(([name, sign, words]) => [
    ...resources[name].map(title => ({ sign, words, title })),
    ...(listeners[name] ?? []).map(title => ({ sign, words, title: `listener ${title}` })),
  ])
  const items = all.slice(0, TITLES_MAX)
  const more = all.length - items.length + resources.more
  if (items.length === 0) return nothing
  return html`<ul class="changes">
    ${items.map(change)}${more > 0 ? html`<li class="quiet">and ${more} more</li>` : nothing}
  </ul>`
}

const change = ({ sign, words, title }) => html`<li class=${words}>
  <span aria-hidden="true">${sign} </span><span class="unseen">${words}: </span>${title}
</li>`

const finding = ({ code, severity, message, hint, file, line, column }) => html`<li
  class=${severity === 'error' ? 'bad' : 'warn'}
>
  <code>${file}:${line}:${column}</code> ${severity} ${code}: ${message}${hint ? ` (${hint})` : ''}
</li>`
