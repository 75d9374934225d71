/** The timeline of reloads: what each changed and did, what was wrong, and how long it took. */

import { count, duration, moment, percent, place, plural, shortTexts, written } from './format.js'
import { html, nothing } from './lit.js'
import { table } from './parts.js'
import { href } from './router.js'

const SIGNS = {
  taken: '✓ Taken',
  refused: '✕ Refused',
  guarded: '✕ Refused by the guard',
  emptied: '✕ Refused, files are empty',
  failed: '✕ Failed',
}
const FINDINGS_MAX = 12
const TITLES_MAX = 8
/** Rules and destinations of one reload that are shown. */
const DID_MAX = 12
/** As many as the gateway keeps. */
const RELOADS_MAX = 64

export const reloads = {
  title: 'Reloads',
  everyMs: 2_000,
  load: ({ ask }) => ask(`/reloads?limit=${RELOADS_MAX}`),
  show({ data: { counts, reloads: list }, may }) {
    const told = Object.entries(counts)
      .filter(([name, times]) => times > 0 || name === 'taken')
      .map(([name, times]) => `${times} ${name}`)
    return html`<section id="reloads" class="card" aria-labelledby="reloads-title">
      <h2 id="reloads-title">Reloads</h2>
      <p class="note">${told.join(', ')}. What is refused changes nothing: the generation before it stays.</p>
      <ol id="reload-list" class="timeline">
        ${list.map((each, index) => entry(each, index === 0 && may))}
      </ol>
    </section>`
  },
}

function entry(reload, may) {
  const {
    number,
    at,
    outcome,
    generation,
    totalMs,
    stagesMs,
    errors,
    warnings,
    findings,
    note,
    reason,
    did,
  } = reload
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
      ${number === 1 ? 'at the start' : `reload ${number}`}, <time datetime=${at} title=${at}>${moment(new Date(at))}</time>
    </h3>
    <p class="note">${told.filter(each => each !== null).join(' · ')}</p>
    ${changesOf(reload)}
    ${reason ? html`<p class="plain">${reason}</p>` : nothing} ${did === null ? nothing : didText(did)}
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

/** What it changed, beside what was before; and what its rules did before and since. */
function didText({ rules, destinations, more }) {
  const shown = [...rules, ...destinations].slice(0, DID_MAX)
  const left = rules.length + destinations.length - shown.length + more
  return html`<ul class="did">
    ${shown.map(each => {
      const { rule, destination, change, before, policy = [], periodBefore, periodAfter } = each
      const after = before === each.after ? null : each.after
      const title = rule ? place(rule) : destination
      const link =
        rule && change !== 'removed'
          ? html`<a class="place" href=${href('rule', { rule: title })}>${title}</a>`
          : title
      return html`<li>
        <strong>${link}</strong> ${change}${rule ? html` <span class="quiet">${written(rule)}</span>` : nothing}
        ${before === null || before === each.after ? nothing : html`<del><span aria-hidden="true">− </span><span class="unseen">before: </span>${before}</del>`}
        ${after === null ? nothing : html`<ins><span aria-hidden="true">+ </span><span class="unseen">after: </span>${after}</ins>`}
        ${policy.map(({ field, before: was, after: is, file, line }) => html`<span class="sub">${field}: ${was} → ${is}${file === null ? nothing : html` <span class="quiet">${written({ file, line })}</span>`}</span>`)}
        ${periods(title, [
          ['before', periodBefore],
          ['since', periodAfter],
        ])}
      </li>`
    })}
    ${left > 0 ? html`<li class="quiet">and ${plural(left, 'change')} more</li>` : nothing}
  </ul>`
}

/** Its connections before and since, beside each other. */
function periods(title, all) {
  const rows = all.filter(([, period]) => period !== null)
  if (rows.length === 0) return nothing
  return table({
    caption: `Connections of ${title} before the reload and since`,
    columns: [
      [html`<span class="unseen">When</span>`],
      ['Over', 'number'],
      ['Connections', 'number'],
      ['Failed dials', 'number'],
      ['Reset by the server', 'number'],
      ['Went to'],
    ],
    rows,
    keyOf: ([when]) => when,
    empty: '',
    cells: ([when, { seconds, connections, failedDials, ended, resets, shares }]) => [
      when,
      duration(Math.floor(seconds)),
      count(connections),
      count(failedDials),
      `${count(resets)} of ${count(ended)}`,
      sharesText(shares),
    ],
  })
}

function sharesText(shares) {
  const all = shares.reduce((sum, each) => sum + each.connections, 0)
  if (shares.length < 2 || all === 0) return '–'
  const sorted = shares.toSorted((a, b) => (a.destination < b.destination ? -1 : 1))
  const names = shortTexts(sorted.map(each => each.destination))
  return sorted.map((each, index) => `${percent(each.connections / all)} ${names[index]}`).join(', ')
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
