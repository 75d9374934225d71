/**
 * A run as one HTML file that needs nothing else: no network, no script. Each chart is drawn twice,
 * for a page and for a telephone, and has its figures in a table below it.
 */

import { readFileSync } from 'node:fs'
import { factsOf } from '../machine.ts'
import { shower } from '../units.ts'
import { drawingOf, inlineSvg } from './charts/draw.ts'
import type { Table } from './charts/drawing.ts'
import { VARIABLES } from './charts/style.ts'
import { axisOf, type Comparison, METHOD, summaryOf } from './compare.ts'
import { escaped, sentence, slug } from './markup.ts'
import { answersOf, type BenchRun, type Figure, type Run } from './run.ts'
import { besideText, claimText, fromTo, ratioText, spreadText } from './text.ts'

const CSS = new URL('page.css', import.meta.url)

export type Against = { readonly file: string; readonly comparison: Comparison }

export function pageOf(run: Run, against: Against | null): string {
  const { machine, benches } = run
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>weir: benchmarks of ${escaped(machine.measured.slice(0, 10))}</title>
<link rel="icon" href="data:,">
<style>${VARIABLES}
${readFileSync(CSS, 'utf8')}</style>
</head>
<body>
<header>
<h1>weir, measured</h1>
<p class="soft">A layer-4 gateway by Istio’s rules. ${escaped(dateOf(machine.measured))}${machine.commit ? `, commit ${escaped(machine.commit.id)}` : ''}.</p>
${answersOf(run)
  .map(each => `<p class="answer">${escaped(sentence(each))}</p>`)
  .join('')}
${warningsOf(run)}
<nav aria-label="Benches">${navigation(benches, against)}</nav>
<dl class="facts">${factsOf(machine)
    .map(([name, fact]) => `<dt>${escaped(name)}</dt><dd>${escaped(fact)}</dd>`)
    .join('')}</dl>
</header>
<main>
${against ? comparisonSection(against) : ''}
${benches.map(benchSection).join('\n')}
</main>
</body>
</html>
`
}

const dateOf = (iso: string): string => iso.replace('T', ' ').replace(/:\d\d(\.\d+)?Z$/, ' UTC')

const warning = (text: string): string => `<p class="warning">${escaped(text)}</p>`

function warningsOf({ options, machine, benches }: Run): string {
  const busy = machine.load[0] / machine.processors
  return [
    ...(options.isQuick
      ? ['Measured in small (--quick), to see that it works: these figures mean little.']
      : []),
    ...(machine.commit?.isDirty ? ['Measured with changes that are not committed.'] : []),
    ...(busy > 0.5
      ? [`The machine was busy before anything was measured: load ${machine.load[0].toFixed(1)}.`]
      : []),
    ...benches.flatMap(({ name, failures }) => failures.map(failure => `${name} failed: ${failure}`)),
  ]
    .map(warning)
    .join('')
}

const navigation = (benches: readonly BenchRun[], against: Against | null): string =>
  [
    ...(against ? [['since', 'Since the earlier run']] : []),
    ...benches.map(({ name }) => [`bench-${slug(name)}`, name]),
  ]
    .map(([id, name]) => `<a href="#${id}">${escaped(name)}</a>`)
    .join('')

// ── benches ────────────────────────────────────────────────────────────────

function benchSection(bench: BenchRun): string {
  const { name, about, tookMs, statements, charts } = bench
  const id = `bench-${slug(name)}`
  return `<section id="${id}" aria-labelledby="${id}-name">
<h2 id="${id}-name">${escaped(name)}</h2>
<p>${escaped(sentence(about))} <span class="soft">Took ${Math.round(tookMs / 1000)} s.</span></p>
${statements.length === 0 ? '' : `<ul class="statements">${statements.map(each => `<li>${escaped(each)}</li>`).join('')}</ul>`}
${charts.map((_, index) => chartFigure(bench, index)).join('\n')}
${allFigures(bench)}
</section>`
}

function chartFigure(bench: BenchRun, index: number): string {
  const drawing = drawingOf(bench.charts[index], bench)
  const id = `chart-${slug(bench.name)}-${index + 1}`
  return `<figure id="${id}">
<figcaption><h3>${escaped(drawing.title)}</h3><p>${escaped(drawing.about)}</p></figcaption>
${inlineSvg(drawing, 'wide', id)}
${inlineSvg(drawing, 'narrow', id)}
<p class="notes">${escaped(drawing.notes.join(' '))}</p>
${tableOf(drawing.table, `${drawing.title}: the figures`, false)}
</figure>`
}

/** @param isCaptioned  Whether the caption shows; else it is only said. */
function tableOf(
  { head, rows }: Table,
  caption: string,
  isCaptioned: boolean,
  wordsFrom = head.length,
): string {
  const kindOf = (column: number): string => (column >= wordsFrom ? ' class="words"' : '')
  const heads = head.map((text, column) =>
    text === '' ? '<td></td>' : `<th scope="col"${kindOf(column)}>${escaped(text)}</th>`,
  )
  const lines = rows.map(
    ([first, ...rest]) =>
      `<tr><th scope="row">${escaped(first)}</th>${rest.map((text, column) => `<td${kindOf(column + 1)}>${marked(text)}</td>`).join('')}</tr>`,
  )
  const name = escaped(caption)
  return `<div class="table" role="region" aria-label="${name}" tabindex="0"><table${isCaptioned ? '' : ` aria-label="${name}"`}>${isCaptioned ? `<caption>${name}</caption>` : ''}<thead><tr>${heads.join('')}</tr></thead><tbody>${lines.join('')}</tbody></table></div>`
}

const marked = (text: string): string =>
  escaped(text).replace(/(: |^)(met|missed|better|worse)$/, '$1<span class="$2">$2</span>')

/** Every figure, for those who look for one. */
function allFigures({ figures }: BenchRun): string {
  if (figures.length === 0) return ''
  const tables = [...Map.groupBy(figures, ({ group }) => group)].map(([group, list]) =>
    groupTable(group, list),
  )
  return `<details><summary>All ${figures.length} figures</summary>${tables.join('\n')}</details>`
}

function groupTable(group: string, figures: readonly Figure[]): string {
  const showIn = shower(
    figures[0].unit,
    figures.map(({ median }) => median),
  )
  const rows = figures.map(figure => [
    figure.name,
    showIn(figure.median),
    spreadText(figure, showIn),
    besideText(figure, figures),
    String(figure.samples.length),
    claimText(figure, showIn),
  ])
  return tableOf(
    { head: ['', 'median', 'spread', 'beside', 'rounds', 'what can be said'], rows },
    group,
    true,
    5,
  )
}

// ── since an earlier run ───────────────────────────────────────────────────

function comparisonSection({ file, comparison }: Against): string {
  const changed = comparison.changes.filter(({ verdict }) => verdict !== 'same')
  const rows = changed.map(({ bench, before, after, ratio, verdict }) => [
    axisOf(bench, after),
    verdict,
    ratioText(ratio.value),
    `${ratioText(ratio.low)} to ${ratioText(ratio.high)}`,
    fromTo(before, after),
  ])
  const table = { head: ['', 'verdict', 'change', '95 % interval', 'medians'], rows }
  return `<section id="since" aria-labelledby="since-name">
<h2 id="since-name">Since ${escaped(file)}</h2>
<p>${escaped(sentence(summaryOf(comparison)))}</p>
<p class="soft">${escaped(sentence(METHOD))}</p>
${comparison.warnings.map(each => warning(`Careful: ${each}`)).join('')}
${rows.length === 0 ? '' : tableOf(table, 'What differs', true)}
</section>`
}
