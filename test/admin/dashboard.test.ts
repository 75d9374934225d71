/** The dashboard for Grafana speaks of metrics and labels that there are, and is no configuration of weir. */

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { readFiles } from '../../src/control/files.ts'
import { ask } from '../control/scene.ts'
import { amount, parseMetrics } from './prometheus.ts'
import { scene } from './scene.ts'

const CONFIG = fileURLToPath(new URL('../../config', import.meta.url))
const FILE = `${CONFIG}/grafana/weir.json`

type Target = { readonly expr: string; readonly legendFormat: string }
type Dashboard = {
  readonly panels: readonly { readonly title: string; readonly targets: readonly Target[] }[]
  readonly templating: { readonly list: readonly { readonly definition?: string }[] }
  readonly annotations: { readonly list: readonly { readonly expr: string }[] }
}

const dashboard = JSON.parse(readFileSync(FILE, 'utf8')) as Dashboard

const queries = [
  ...dashboard.panels.flatMap(panel => panel.targets.map(each => each.expr)),
  ...dashboard.templating.list.flatMap(each => each.definition ?? []),
  ...dashboard.annotations.list.map(each => each.expr),
]

/** Labels that Prometheus adds when it scrapes. */
const SCRAPED = ['instance', 'job']

test('every metric and label that the dashboard names is there after one connection', async t => {
  const { get, port } = await scene(t)
  await ask(port)
  const { body } = await get('/metrics')
  const samples = parseMetrics(body)
  const declared = [...(body as string).matchAll(/^# TYPE (\S+) (\S+)$/gm)]
  const names = declared.flatMap(([, name, type]) => (type === 'histogram' ? `${name}_bucket` : name))
  assert.ok(queries.length > 25)
  for (const query of queries) {
    const found = [...query.matchAll(/\b((?:weir|istio|process|nodejs)_[a-z0-9_]+)(?=[{[), ]|$)/g)].map(
      each => each[1],
    )
    assert.ok(found.length > 0, query)
    for (const name of found) assert.ok(names.includes(name), `${name} in ${query}`)
    const known = new Set(
      samples.filter(each => found.includes(each.name)).flatMap(each => Object.keys(each.labels)),
    )
    const grouped = [...query.matchAll(/(?:by|ignoring) \(([^)]+)\)/g)].flatMap(each => each[1].split(', '))
    const matched = [...query.matchAll(/(\w+)(?:=~|=)"/g)].map(each => each[1])
    for (const label of [...grouped, ...matched])
      assert.ok(known.has(label) || SCRAPED.includes(label), `${label} in ${query}`)
  }
})

test('every legend names labels that its query keeps', () => {
  for (const { title, targets } of dashboard.panels) {
    for (const { expr, legendFormat } of targets) {
      for (const [, label] of legendFormat.matchAll(/{{(\w+)}}/g))
        assert.match(expr, new RegExp(`by \\([^)]*\\b${label}\\b`), `${title}: ${legendFormat}`)
    }
  }
})

test('no metric of weir has a name without help, or a counter without _total', async t => {
  const { get } = await scene(t)
  const { body } = await get('/metrics')
  for (const [, name, type] of (body as string).matchAll(/^# TYPE (weir_\S+|istio_\S+) (\S+)$/gm)) {
    assert.equal(name.endsWith('_total'), type === 'counter', name)
    assert.match(body, new RegExp(`^# HELP ${name} .*\\.$`, 'm'))
  }
  assert.equal(amount(parseMetrics(body), 'weir_build_info'), 1)
})

test('it is not read as configuration', () => {
  assert.ok(readFiles({ paths: [CONFIG] }).every(({ file }) => !file.includes('grafana')))
})
