/**
 * A run as a page for docs: what each bench says, its charts, which are files beside the page, and all of its figures.
 */

import { factsOf } from '../machine.ts'
import { shower } from '../units.ts'
import { drawingOf } from './charts/draw.ts'
import type { Table } from './charts/drawing.ts'
import { chartFile } from './charts/files.ts'
import { sentence } from './markup.ts'
import type { BenchRun, Figure, Run } from './run.ts'
import { besideText, claimText, spreadText } from './text.ts'

/** @param charts  The folder of the chart files, as the page names it. */
export function markdownOf({ machine, benches }: Run, charts: string): string {
  return `# A run of the benches

Written by \`npm run bench -- --markdown\`; [benchmarks.md](benchmarks.md) says how to read it, and what it does not say.

${tableOf({ head: ['', ''], rows: factsOf(machine).map(fact => [...fact]) }, 1)}

${goalsOf(benches)}${benches.map(bench => sectionOf(bench, charts)).join('\n\n')}
`
}

/** What was wanted, and what was found; nothing where nothing was wanted. */
function goalsOf(benches: readonly BenchRun[]): string {
  const wanted = benches.flatMap(({ name, figures }) =>
    figures.filter(({ goal }) => goal !== null).map(figure => ({ name, figure })),
  )
  if (wanted.length === 0) return ''
  const rows = wanted.map(({ name, figure }) => {
    const shown = shower(figure.unit, [figure.median])
    const measured = `${shown(figure.median)} ${spreadText(figure, shown)}`.trimEnd()
    return [`${name}: ${figure.group}: ${figure.name}`, measured, claimText(figure, shown)]
  })
  return `## Goals\n\n${tableOf({ head: ['', 'measured', 'what can be said'], rows }, 2)}\n\n`
}

function sectionOf(bench: BenchRun, charts: string): string {
  const { name, about, tookMs, statements, failures } = bench
  const said = [...statements, ...failures.map(each => `failed: ${each}`)]
  return [
    `## ${name}`,
    `${sentence(about)} Took ${Math.round(tookMs / 1000)} s.`,
    ...(said.length === 0 ? [] : [said.map(each => `- ${text(each)}`).join('\n')]),
    ...bench.charts.map(chart => {
      const drawing = drawingOf(chart, bench)
      const { title, about: caption, notes, table } = drawing
      const image = `![${text(title)}](${charts}/${chartFile(bench, chart)})`
      return [
        `### ${title}`,
        [caption, ...notes].map(sentence).join(' '),
        image,
        folded('The figures', tableOf(table)),
      ].join('\n\n')
    }),
    folded(`All ${bench.figures.length} figures`, [...groupsOf(bench)].map(groupOf).join('\n\n')),
  ].join('\n\n')
}

const groupsOf = ({ figures }: BenchRun): Map<string, Figure[]> => Map.groupBy(figures, ({ group }) => group)

function groupOf([group, figures]: readonly [string, readonly Figure[]]): string {
  const shown = shower(
    figures[0].unit,
    figures.map(({ median }) => median),
  )
  const rows = figures.map(figure => [
    figure.name,
    shown(figure.median),
    spreadText(figure, shown),
    besideText(figure, figures),
    claimText(figure, shown),
  ])
  return tableOf({ head: [group, 'median', 'spread', 'beside', 'what can be said'], rows }, 4)
}

/** @param wordsFrom  Columns from here on, and the first, are words, and the others figures. */
function tableOf({ head, rows }: Table, wordsFrom = head.length): string {
  const rule = head.map((_, column) => (column === 0 || column >= wordsFrom ? '---' : '--:'))
  return [head.map(text), rule, ...rows.map(row => row.map(text))]
    .map(cells => `| ${cells.join(' | ')} |`)
    .join('\n')
}

const folded = (summary: string, inside: string): string =>
  `<details><summary>${summary}</summary>\n\n${inside}\n\n</details>`

/** What Markdown would take for its own. */
const text = (words: string): string => words.replace(/[|<>*_\\[\]]/g, found => `\\${found}`)
