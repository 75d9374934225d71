/** The report as a page, opened in a real browser. */

import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { pathToFileURL } from 'node:url'
import type { Page } from 'playwright-core'
import type { Bench } from '../../bench/harness.ts'
import { type Ladder, RUNGS } from '../../bench/ladder.ts'
import { compareRuns } from '../../bench/report/compare.ts'
import { pageOf } from '../../bench/report/page.ts'
import { folder } from '../control/scene.ts'
import { browse, skip, visit } from '../support/chromium.ts'
import { runWith } from './runs.ts'

/** Text that would be markup if it were not escaped. */
const HOSTILE = '<script>console.error("let in")</script> & "so on"'

const ladder = (scale: number): Ladder => ({
  count: 12_345,
  values: RUNGS.map(percentile => scale * 1000 * (1 + 100 / (100.01 - percentile))),
})

function fill(bench: Bench, factor = 1): void {
  const names = ['weir, uring', 'weir, node', 'haproxy', HOSTILE]
  for (const [index, name] of names.entries()) {
    const ns = 20_000 * (index + 1) * factor
    bench.record('time', name, 'ns', [ns, ns * 1.02, ns * 0.98], index === 0 ? 15_000 : null)
    bench.record('cpu', name, 'ns', [ns, ns, index === 2 ? ns * 9 : ns])
    bench.record('user', name, 'ns', [ns / 4, ns / 4, ns / 5])
    bench.record('system', name, 'ns', [ns - ns / 4, ns - ns / 4, ns - ns / 5])
    bench.record('once', name, 'bytes', 4 ** (index + 4))
    bench.distribution('latency', name, 'ns', [ladder(index + 1), ladder(index + 1.3), ladder(index + 1.2)])
  }
  for (const count of [10, 100, 10_000]) {
    for (const name of ['80', '20']) {
      const share = Number(name) / 100
      bench.record(`after ${count}`, name, 'share', [
        share + 0.3 / Math.sqrt(count),
        share,
        share - 0.2 / Math.sqrt(count),
      ])
    }
  }
  const shared = { about: `What it is, for ${HOSTILE}` }
  const group = (name: string) => ({ group: name, label: name })
  bench.chart({
    ...shared,
    kind: 'bars',
    id: 'rate',
    title: `Rate ${HOSTILE}`,
    groups: [group('time')],
    rate: 'connections a second',
  })
  bench.chart({
    ...shared,
    kind: 'bars',
    id: 'cpu',
    title: 'CPU',
    groups: [group('user'), group('system')],
    stacked: 'cpu',
    per: 'a request',
  })
  bench.chart({
    ...shared,
    kind: 'bars',
    id: 'both',
    title: 'Side by side',
    groups: ['time', 'cpu', 'user'].map(group),
  })
  bench.chart({ ...shared, kind: 'bars', id: 'size', title: 'Size', groups: [group('once')], scale: 'log' })
  bench.chart({
    ...shared,
    kind: 'lines',
    id: 'delivered',
    title: 'Delivered',
    x: { label: 'connections', scale: 'log' },
    y: { label: 'share', scale: 'linear' },
    lines: ['80', '20'].map(name => ({
      label: `${name} of 100`,
      points: [10, 100, 10_000].map(x => ({ x, group: `after ${x}`, name })),
    })),
    expected: {
      label: 'expected, 95 %',
      points: [10, 100, 10_000].map(x => ({
        x,
        low: 0.8 - 0.8 / Math.sqrt(x),
        high: Math.min(1, 0.8 + 0.8 / Math.sqrt(x)),
      })),
    },
  })
  bench.chart({
    ...shared,
    kind: 'percentiles',
    id: 'latency',
    title: 'Latency',
    curves: names.map(name => ({ group: 'latency', name })),
  })
  bench.say(`said of ${HOSTILE}`)
  bench.answer('the answer is & stays first')
}

const RUN = runWith(fill)
const CHARTS = RUN.benches[0].charts
const PAGE = pageOf(RUN, {
  file: 'before.json',
  comparison: compareRuns(
    runWith(bench => fill(bench, 0.5)),
    RUN,
  ),
})

/** What the page shows of each figure. */
async function figuresOf(page: Page) {
  const figures = await page.locator('figure').all()
  return Promise.all(
    figures.map(async figure => {
      const seen = figure.locator('svg:visible')
      const box = await seen.first().boundingBox()
      const ids = (await seen.first().getAttribute('aria-labelledby'))?.split(' ') ?? []
      const names = await Promise.all(ids.map(id => figure.locator(`#${id}`).textContent()))
      return {
        title: await figure.locator('h3').textContent(),
        charts: await seen.count(),
        names,
        isLarge: box !== null && box.width > 300 && box.height > 100,
        marks: await seen.locator('path, rect, circle').count(),
        rows: await figure.locator('tbody tr').count(),
      }
    }),
  )
}

for (const [size, width] of [
  ['a page', 1100],
  ['a telephone', 390],
] as const) {
  test(`on ${size} each chart is seen once, with a name and a table, and nothing is asked of a network`, {
    skip,
  }, async t => {
    const url = pathToFileURL(join(folder(t, { 'run.html': PAGE }), 'run.html')).href
    const { page, requests, complaints } = await visit(await browse(t), url, {
      viewport: { width, height: 900 },
    })
    assert.deepEqual([requests, complaints], [[url], []])
    const figures = await figuresOf(page)
    assert.deepEqual(
      figures.map(({ names }) => names),
      CHARTS.map(({ title, about }) => [title, about]),
    )
    for (const { title, names, charts, isLarge, marks, rows } of figures) {
      assert.deepEqual([title, charts, isLarge], [names[0], 1, true])
      assert.ok(marks > 8 && rows >= 3, `${title}: ${marks} marks, ${rows} rows`)
    }
    const wide = await page.evaluate('document.documentElement.scrollWidth')
    assert.equal(wide, width, 'no wider than the screen')
  })
}

test('the page shows what a run says of itself, and what differs from an earlier one', { skip }, async t => {
  const url = pathToFileURL(join(folder(t, { 'run.html': PAGE }), 'run.html')).href
  const { page } = await visit(await browse(t), url)
  assert.match((await page.textContent('.facts')) ?? '', /A <Processor> & "more"/)
  assert.match((await page.textContent('.statements')) ?? '', /said of <script>/)
  assert.match((await page.textContent('header > p.answer')) ?? '', /^The answer is & stays first\.$/)
  assert.match(
    (await page.textContent('#since')) ?? '',
    /Since before\.json[\s\S]* worse, [\s\S]*weir, uring/,
  )
  await page.click('summary')
  await page.getByText('goal 15.0 µs: missed').waitFor({ state: 'visible' })
})

test('the page and its charts are dark where the reader wants it dark', { skip }, async t => {
  const url = pathToFileURL(join(folder(t, { 'run.html': PAGE }), 'run.html')).href
  const browser = await browse(t)
  const colours = []
  for (const colorScheme of ['light', 'dark'] as const) {
    const { page, complaints } = await visit(browser, url, { colorScheme })
    assert.deepEqual(complaints, [])
    const paper = await page.evaluate('getComputedStyle(document.documentElement).backgroundColor')
    colours.push([paper, await page.evaluate("getComputedStyle(document.querySelector('svg text')).fill")])
  }
  assert.deepEqual(
    colours.map(([paper]) => paper),
    ['rgb(255, 255, 255)', 'rgb(18, 22, 28)'],
  )
  assert.notEqual(colours[0][1], colours[1][1])
})

test('zeros and negative figures are drawn, on whatever scale was asked for', () => {
  for (const values of [
    [0, 0, 0],
    [-5, 3, 0],
    [4, 9, 0],
  ]) {
    const run = runWith(bench => {
      for (const [x, value] of values.entries()) bench.record('g', `${x}`, 'ns', [value, value, value + 1])
      const zeros = { count: 9, values: RUNGS.map(() => 0) }
      bench.distribution('g', 'd', 'ns', [zeros])
      const shared = { id: 'x', title: 'T', about: 'A' }
      bench.chart({ ...shared, kind: 'bars', groups: [{ group: 'g', label: '' }], scale: 'log' })
      bench.chart({ ...shared, kind: 'bars', groups: [{ group: 'g', label: '' }], rate: 'a second' })
      bench.chart({ ...shared, kind: 'percentiles', curves: [{ group: 'g', name: 'd' }] })
      const axis = { label: '', scale: 'log' } as const
      const points = values.map((_, x) => ({ x: x + 1, group: 'g', name: `${x}` }))
      bench.chart({ ...shared, kind: 'lines', x: axis, y: axis, lines: [{ label: 'l', points }] })
    })
    const svgs = pageOf(run, null).match(/<svg[\s\S]*?<\/svg>/g) ?? []
    assert.equal(svgs.length, 2 * run.benches[0].charts.length)
    for (const svg of svgs) assert.doesNotMatch(svg, /NaN|Infinity|undefined/)
  }
})

test('a chart of figures that are not there is a mistake of the bench', () => {
  const of = (chart: Parameters<Bench['chart']>[0]) => () => runWith(bench => bench.chart(chart))
  const shared = { id: 'x', title: 'T', about: '' }
  assert.throws(of({ ...shared, kind: 'bars', groups: [{ group: 'g', label: '' }] }), /T: there is no g/)
  assert.throws(
    of({ ...shared, kind: 'percentiles', curves: [{ group: 'g', name: 'n' }] }),
    /T: there is no g: n/,
  )
})
