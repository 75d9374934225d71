/**
 * The dashboard's queries and the alert rules, evaluated by Prometheus' own promtool: over two and
 * five replicas, one of them behind, one not ready, one gone.
 */

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { folder } from '../control/scene.ts'
import { needs } from '../support/programs.ts'
import { dashboard, RULES_FILE } from './dashboard-kit.ts'

const skip = needs('promtool') // Debian: prometheus

/** As Grafana fills it in, with every replica chosen. */
const filledIn = (expr: string): string =>
  expr.replaceAll('$__rate_interval', '1m').replace(/\$\w+/g, () => '.*')

const exprOf = (title: string): string => {
  const panel = dashboard.panels.find(each => each.title === title) ?? assert.fail(title)
  return filledIn(panel.targets[0].expr)
}

type Sample = { readonly labels: string; readonly value: number }
type Replica = {
  readonly digest?: string
  readonly ready?: 0 | 1
  readonly goneAfter?: number
  readonly limit?: number
  /** Connections every 15 s to the first and the second destination. */
  readonly gets: readonly [number, number]
}

const STEP_S = 15
/** When queries are evaluated. */
const AT_STEPS = 80

function seriesOf(replicas: readonly Replica[]): { series: string; values: string }[] {
  return replicas.flatMap(({ digest = 'aaaaaaaaaaaa', ready = 1, goneAfter, limit = 100, gets }, index) => {
    const scraped = `instance="10.0.0.${index + 1}:15021", job="weir"`
    const steps = goneAfter ?? AT_STEPS * 2
    const values = (start: number, step: number): string =>
      `${start}+${step}x${steps}${goneAfter === undefined ? '' : ` stale _x${AT_STEPS}`}`
    const share = (to: string): string =>
      `weir_rule_connections_total{${scraped}, virtual_service="TCPRoute shop/db", rule="rules[0]", destination_service="${to}", destination_port="80"}`
    return [
      { series: `weir_ready{${scraped}}`, values: values(ready, 0) },
      { series: `weir_build_info{${scraped}}`, values: values(1, 0) },
      { series: `weir_configuration_info{${scraped}, digest="${digest}"}`, values: values(1, 0) },
      { series: `weir_connections_open{${scraped}, worker="0"}`, values: values(index + 1, 0) },
      { series: `weir_connections_open{${scraped}, worker="1"}`, values: values(10, 0) },
      { series: `weir_connections_limit{${scraped}}`, values: values(limit, 0) },
      { series: share('a.shop'), values: values(0, gets[0]) },
      { series: share('b.shop'), values: values(0, gets[1]) },
    ]
  })
}

const NEAR_LIMIT = (instance: string) => ({
  summary: `${instance} has 84.62% of the connections that it may have`,
  description:
    'Beyond it weir resets connections. Raise maxConnections of the Settings or the limit of open files, or add a replica.',
})

/** What promtool has to say; '' if every query has these samples. */
function evaluate(t: TestContext, replicas: readonly Replica[], expected: Record<string, Sample[]>): string {
  const file = {
    rule_files: [RULES_FILE],
    evaluation_interval: `${STEP_S}s`,
    tests: [
      {
        interval: `${STEP_S}s`,
        input_series: seriesOf(replicas),
        promql_expr_test: Object.entries(expected).map(([title, samples]) => ({
          expr: exprOf(title),
          eval_time: `${AT_STEPS * STEP_S}s`,
          exp_samples: samples,
        })),
        alert_rule_test: [
          {
            alertname: 'WeirReplicasDiffer',
            eval_time: `${AT_STEPS * STEP_S}s`,
            exp_alerts: replicas.some(each => each.digest !== undefined)
              ? [
                  {
                    exp_labels: { job: 'weir', severity: 'warning' },
                    exp_annotations: {
                      summary: 'Replicas of weir  serve 2 different configurations',
                      description:
                        'weir status --fleet names those that differ from most. Give gateways that are configured differently on purpose different jobs.',
                    },
                  },
                ]
              : [],
          },
          {
            alertname: 'WeirConnectionsNearLimit',
            eval_time: `${AT_STEPS * STEP_S}s`,
            exp_alerts: replicas.flatMap(({ limit }, index) => {
              if (limit === undefined) return []
              const instance = `10.0.0.${index + 1}:15021`
              return [
                { exp_labels: { instance, severity: 'warning' }, exp_annotations: NEAR_LIMIT(instance) },
              ]
            }),
          },
        ],
      },
    ],
  }
  const root = folder(t, { 'test.yaml': JSON.stringify(file) })
  const { status, stdout, stderr } = spawnSync('promtool', ['test', 'rules', join(root, 'test.yaml')], {
    encoding: 'utf8',
  })
  return status === 0 ? '' : `${stdout}${stderr}`
}

const share = (to: string, more = ''): string => `{${more}destination_port="80", destination_service="${to}"}`

test('two replicas: their connections are summed, and so are their shares', { skip }, t => {
  const replicas: Replica[] = [{ gets: [20, 0], limit: 13 }, { gets: [10, 10] }]
  const said = evaluate(t, replicas, {
    'Replicas ready': [{ labels: '{}', value: 2 }],
    Configurations: [{ labels: '{}', value: 1 }],
    'Open connections': [{ labels: '{}', value: 23 }],
    'Replicas with another configuration than most': [],
    'Delivered share by destination': [
      { labels: share('a.shop'), value: 0.75 },
      { labels: share('b.shop'), value: 0.25 },
    ],
    'Delivered share by replica': [
      { labels: share('a.shop', 'instance="10.0.0.1:15021", '), value: 1 },
      { labels: share('b.shop', 'instance="10.0.0.1:15021", '), value: 0 },
      { labels: share('a.shop', 'instance="10.0.0.2:15021", '), value: 0.5 },
      { labels: share('b.shop', 'instance="10.0.0.2:15021", '), value: 0.5 },
    ],
  })
  assert.equal(said, '')
  const wrong = { 'Open connections': [{ labels: '{}', value: 22 }] }
  assert.match(evaluate(t, replicas, wrong), /FAILED/)
})

test('five replicas: the one behind, the one not ready and the one gone are told', { skip }, t => {
  const fine: Replica = { gets: [7, 3] }
  const said = evaluate(
    t,
    [fine, { ...fine, digest: 'bbbbbbbbbbbb' }, fine, { ...fine, ready: 0 }, { ...fine, goneAfter: 60 }],
    {
      'Replicas ready': [{ labels: '{}', value: 3 }],
      Configurations: [{ labels: '{}', value: 2 }],
      'Open connections': [{ labels: '{}', value: 50 }],
      'Replicas with another configuration than most': [
        { labels: '{instance="10.0.0.2:15021", digest="bbbbbbbbbbbb"}', value: 1 },
      ],
      'Ready, by replica': [1, 1, 1, 0].map((value, index) => ({
        labels: `{instance="10.0.0.${index + 1}:15021"}`,
        value,
      })),
    },
  )
  assert.equal(said, '')
})

test('every query and every alert rule is PromQL', { skip }, t => {
  const queries = dashboard.panels.flatMap(panel => panel.targets.map(each => filledIn(each.expr)))
  const rules = queries.map((expr, index) => ({ record: `query:${index}`, expr }))
  const root = folder(t, { 'rules.yaml': JSON.stringify({ groups: [{ name: 'all', rules }] }) })
  const { status, stdout, stderr } = spawnSync(
    'promtool',
    ['check', 'rules', RULES_FILE, join(root, 'rules.yaml')],
    { encoding: 'utf8' },
  )
  assert.equal(status, 0, `${stdout}${stderr}`)
})
