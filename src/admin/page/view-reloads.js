/** The outcome of each reload: what it changed, what was wrong, and how long it took. */

import { byId, h, setText } from './dom.js'
import { clock, plural } from './format.js'

const SIGNS = {
  taken: '✓ Taken',
  refused: '✕ Refused',
  guarded: '✕ Refused by the guard',
  emptied: '✕ Refused, files are empty',
  failed: '✕ Failed',
}
const FINDINGS_MAX = 12
/** Reloads shown at once; older ones are folded. */
const SEEN_AT_ONCE = 6

export class Reloads {
  /** @param changes  Changes of rules by generation, for generations since the page was opened. */
  show({ counts, reloads }, changes) {
    const told = Object.entries(counts)
      .filter(([name, times]) => times > 0 || name === 'taken')
      .map(([name, times]) => `${times} ${name}`)
    setText(
      byId('reloads-note'),
      `${told.join(', ')}. What is refused changes nothing: the generation before it stays.`,
    )
    const entries = reloads.map(each =>
      entry(each, each.outcome === 'taken' ? (changes.get(each.generation) ?? []) : []),
    )
    byId('reload-list').replaceChildren(...entries.slice(0, SEEN_AT_ONCE))
    byId('older-list').replaceChildren(...entries.slice(SEEN_AT_ONCE))
    byId('older').hidden = entries.length <= SEEN_AT_ONCE
  }
}

function entry(reload, rules) {
  const {
    number,
    at,
    outcome,
    generation,
    totalMs,
    stagesMs,
    resources,
    listeners,
    errors,
    warnings,
    findings,
    note,
  } = reload
  const stages = Object.entries(stagesMs).map(([name, ms]) => `${name} ${ms}`)
  const facts = [
    `generation ${generation} ${outcome === 'taken' ? 'served' : 'stays'}`,
    totalMs > 0 ? `${totalMs} ms (${stages.join(', ')})` : null,
    errors > 0 ? plural(errors, 'error') : null,
    warnings > 0 ? plural(warnings, 'warning') : null,
  ]
  return h(
    'li',
    { class: outcome === 'taken' ? 'taken' : 'refused' },
    h(
      'h3',
      null,
      h('span', { class: outcome === 'taken' ? 'good' : 'bad' }, SIGNS[outcome] ?? outcome),
      ` ${number === 1 ? 'at the start' : `reload ${number}`}, `,
      h('time', { dateTime: at, title: at }, clock(new Date(at))),
    ),
    h('p', { class: 'note' }, facts.filter(each => each !== null).join(' · ')),
    changesOf(resources, listeners),
    rules.length === 0
      ? null
      : h('ul', { class: 'changes rules' }, ...rules.slice(0, TITLES_MAX).map(change)),
    note === null ? null : h('p', null, note),
    findings.length === 0
      ? null
      : h('ul', { class: 'findings' }, ...findings.slice(0, FINDINGS_MAX).map(finding)),
    findings.length <= FINDINGS_MAX
      ? null
      : h('p', { class: 'note' }, `and ${findings.length - FINDINGS_MAX} more at /reloads`),
  )
}

const CHANGES = [
  ['added', '+', 'added'],
  ['changed', '~', 'changed'],
  ['removed', '−', 'removed'],
]
const TITLES_MAX = 8

function changesOf(resources, listeners) {
  const all = CHANGES.flatMap(([name, sign, words]) => [
    ...resources[name].map(title => ({ sign, words, title })),
    ...(listeners[name] ?? []).map(title => ({ sign, words, title: `listener ${title}` })),
  ])
  const items = all.slice(0, TITLES_MAX).map(change)
  const more = all.length - items.length + resources.more
  if (more > 0) items.push(h('li', { class: 'quiet' }, `and ${more} more`))
  return items.length === 0 ? null : h('ul', { class: 'changes' }, ...items)
}

const change = ({ sign, words, title }) =>
  h(
    'li',
    { class: words },
    h('span', { 'aria-hidden': 'true' }, `${sign} `),
    h('span', { class: 'unseen' }, `${words}: `),
    title,
  )

const finding = ({ code, severity, message, hint, file, line, column }) =>
  h(
    'li',
    { class: severity === 'error' ? 'bad' : 'warn' },
    h('code', null, `${file}:${line}:${column}`),
    ` ${severity} ${code}: ${message}${hint ? ` (${hint})` : ''}`,
  )
