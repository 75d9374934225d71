/**
 * The dashboard and the alert rules speak of metrics, labels and values that there are, and are no
 * configuration of weir.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { OUTCOMES } from '../../src/control/observe/history.ts'
import { readFiles } from '../../src/source/files/files.ts'
import { NAME_STATES } from '../../src/source/names/name-state.ts'
import { REASON_NAMES } from '../../src/stats/reasons.ts'
import { ask } from '../control/scene.ts'
import { CONFIG, dashboard, type Place, type Rule, rules } from './dashboard-kit.ts'
import { amount, parseMetrics } from './prometheus.ts'
import { reading } from './scene.ts'

const alerts = rules.groups.flatMap(group => group.rules)
/** Of Prometheus itself. */
const isScraped = ({ expr }: Rule): boolean => /^up\b/.test(expr)

const queries = [
  ...alerts.filter(each => !isScraped(each)).map(each => each.expr),
  ...dashboard.panels.flatMap(panel => panel.targets.map(each => each.expr)),
  ...dashboard.templating.list.flatMap(each => each.definition ?? []),
  ...dashboard.annotations.list.map(each => each.expr),
]

/** Labels that Prometheus adds when it scrapes; the last two by a ServiceMonitor. */
const SCRAPED = ['instance', 'job', 'namespace', 'service']

test('every metric and label that the dashboard and the alerts name is there after one connection', async () => {
  const { get, port } = await reading()
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

test('each alert is a rule as Prometheus takes it, with values that there are', () => {
  assert.deepEqual(Object.keys(rules), ['groups'])
  assert.equal(new Set(alerts.map(each => each.alert)).size, alerts.length)
  const fields = ['alert', 'expr', 'for', 'labels', 'annotations']
  for (const rule of alerts) {
    const { alert, expr, for: during, labels, annotations } = rule
    assert.deepEqual(
      Object.keys(rule).filter(field => !fields.includes(field)),
      [],
    )
    assert.match(alert, /^Weir[A-Za-z]+$/)
    if (during !== undefined) assert.match(during, /^\d+[smh]$/)
    assert.ok(['warning', 'critical'].includes(labels.severity), alert)
    assert.deepEqual(Object.keys(annotations), ['summary', 'description'])
    // An alert compares, and what it opens it closes.
    assert.match(expr, / (>|==|<) /)
    assert.equal(expr.match(/[({[]/g)?.length, expr.match(/[)}\]]/g)?.length, expr)
    for (const [, label, values] of expr.matchAll(/(outcome|reason|state)=~?"([^"]+)"/g)) {
      const known = {
        outcome: OUTCOMES,
        reason: REASON_NAMES,
        state: ['starting', 'accepting', 'draining', 'ended', ...NAME_STATES],
      }
      for (const value of values.split('|'))
        assert.ok(
          (known[label as keyof typeof known] as readonly string[]).includes(value),
          `${value} in ${expr}`,
        )
    }
    const kept = /by \(([^)]+)\)/.exec(expr)?.[1].split(', ')
    for (const [, label] of `${annotations.summary} ${annotations.description}`.matchAll(/\$labels\.(\w+)/g))
      assert.ok(kept?.includes(label) ?? label === 'instance', `${label} in ${alert}`)
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

/** One series for each line that is drawn, however many replicas there are. */
test('each query sums over replicas, or has one line for each', () => {
  const outermost = /^(?:sum|min|max|count|avg|topk)\b|^histogram_quantile\([\d.]+, sum by \(le\)/
  for (const { title, targets } of dashboard.panels)
    for (const { expr, legendFormat } of targets) {
      assert.match(expr, outermost, title)
      const hasReplica = /^(?:sum|min|max) by \(instance\b/.test(expr)
      assert.equal(hasReplica, legendFormat.startsWith('{{instance}}'), `${title}: ${legendFormat}`)
    }
})

test('panels lie beside each other, and none has the number of another', () => {
  const { panels } = dashboard
  assert.equal(new Set(panels.map(each => each.id)).size, panels.length)
  const meet = (a: Place, b: Place): boolean =>
    a.x < b.x + b.w && b.x < a.x + a.w && a.y < b.y + b.h && b.y < a.y + a.h
  for (const [index, { title, gridPos }] of panels.entries()) {
    assert.ok(gridPos.x + gridPos.w <= 24, title)
    for (const other of panels.slice(index + 1))
      assert.ok(!meet(gridPos, other.gridPos), `${title} lies over ${other.title}`)
  }
})

test('no metric of weir has a name without help, or a counter without _total', async () => {
  const { get } = await reading()
  const { body } = await get('/metrics')
  for (const [, name, type] of (body as string).matchAll(/^# TYPE (weir_\S+|istio_\S+) (\S+)$/gm)) {
    assert.equal(name.endsWith('_total'), type === 'counter', name)
    assert.match(body, new RegExp(`^# HELP ${name} .*\\.$`, 'm'))
  }
  assert.equal(amount(parseMetrics(body), 'weir_build_info'), 1)
})

test('it is not read as configuration', () => {
  assert.ok(readFiles({ paths: [CONFIG] }).every(({ file }) => !/grafana|prometheus/.test(file)))
})
