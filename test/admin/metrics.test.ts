/** What Prometheus scrapes, while connections live and over reloads. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { gauge, textOf } from '../../src/admin/metrics/family.ts'
import { ask, echo, routing } from '../control/scene.ts'
import { atOnce } from '../support/at-once.ts'
import { ENGINES } from '../support/engine.ts'
import { freePort } from '../support/sockets.ts'
import { amount, parseMetrics, type Sample } from './prometheus.ts'
import { type Scene, scene, talking } from './scene.ts'

async function scrape({ get }: Pick<Scene, 'get'>): Promise<Sample[]> {
  const { status, headers, body } = await get('/metrics')
  assert.equal(status, 200)
  assert.match(headers['content-type'], /^text\/plain; version=0\.0\.4/)
  return parseMetrics(body)
}

/** The first scrape that was begun when it `isSo`; counts may be a moment late. */
async function scrapeUntil(where: Scene, isSo: (samples: Sample[]) => boolean): Promise<Sample[]> {
  while (!isSo(await scrape(where)));
  return await scrape(where)
}

const TO_BACKEND = { destination_service: 'backend.example' }

for (const { engine, test } of ENGINES) {
  test(`${engine}: a connection shows while it lives, with its bytes, and when it has ended`, async t => {
    const where = await scene(t, routing, engine)
    assert.equal(amount(await scrape(where), 'istio_tcp_connections_opened_total'), 0)
    const socket = await talking(t, where.port)
    const living = await scrapeUntil(where, samples => amount(samples, 'istio_tcp_sent_bytes_total') > 0)
    assert.equal(amount(living, 'istio_tcp_connections_opened_total', TO_BACKEND), 1)
    assert.equal(amount(living, 'istio_tcp_connections_closed_total'), 0)
    assert.equal(amount(living, 'istio_tcp_received_bytes_total'), 5)
    assert.equal(amount(living, 'istio_tcp_sent_bytes_total'), 11)
    assert.equal(amount(living, 'weir_connections_open'), 1)
    assert.equal(amount(living, 'weir_connections_by_state', { state: 'relaying' }), 1)
    const rule = { virtual_service: 'default/all', rule: 'tcp[0]', ...TO_BACKEND }
    assert.equal(amount(living, 'weir_rule_connections_total', rule), 1)
    assert.equal(amount(living, 'weir_rule_configured_share', rule), 1)
    assert.equal(amount(living, 'weir_rule_connections_open', rule), 1)
    const endpoint = { endpoint: `127.0.0.1:${where.backend}` }
    assert.equal(amount(living, 'weir_endpoint_connections_open', endpoint), 1)
    assert.equal(amount(living, 'weir_connect_duration_seconds_count'), 1)
    assert.equal(amount(living, 'weir_connect_duration_seconds_bucket', { le: '+Inf' }), 1)
    assert.equal(amount(living, 'weir_first_byte_seconds_count'), 1)
    socket.end()
    const ended = await scrapeUntil(
      where,
      samples => amount(samples, 'weir_connections_closed_total') > 0, // the last that is counted
    )
    assert.equal(amount(ended, 'istio_tcp_connections_closed_total'), 1)
    assert.equal(amount(ended, 'weir_connections_closed_total', { reason: 'client-closed' }), 1)
    assert.equal(amount(ended, 'weir_connections_by_state'), 0)
    assert.equal(amount(ended, 'weir_connections_silent_total', endpoint), 0)
    assert.equal(amount(ended, 'weir_rule_connections_open'), 0)
    assert.equal(amount(ended, 'istio_tcp_connections_opened_total'), 1)
  })
}

test('an endpoint that takes no connection is seen, and so is a connection without a route', async t => {
  const closed = await freePort()
  const where = await scene(t, port =>
    routing(port, closed).replace(/- route:/, '- match: [{sourceSubnet: 127.0.0.1/32}]\n      route:'),
  )
  assert.equal(await ask(where.port), '')
  assert.equal(await ask(where.port, '127.0.0.1', '127.0.0.2'), '')
  const samples = await scrapeUntil(where, each => amount(each, 'weir_connections_closed_total') === 2)
  assert.equal(amount(samples, 'weir_connections_closed_total', { reason: 'no-route' }), 1)
  assert.equal(amount(samples, 'weir_connections_closed_total', { reason: 'connect-refused' }), 1)
  const endpoint = { endpoint: `127.0.0.1:${closed}` }
  assert.equal(amount(samples, 'weir_endpoint_dial_failures_total', endpoint), 1)
  const heldBack = samples.filter(each => each.name === 'weir_endpoint_backoff_seconds')
  assert.deepEqual(
    heldBack.map(({ labels, value }) => [labels.endpoint, value >= 0 && value <= 1]),
    [[endpoint.endpoint, true]],
  )
})

test('no counter goes back over reloads, and reloads are counted', async t => {
  const where = await scene(t)
  const { port, save, logged } = where
  await ask(port)
  let before = await scrapeUntil(where, each => amount(each, 'istio_tcp_connections_closed_total') === 1)
  for (let generation = 2; generation <= 12; generation++) {
    save(routing(port, await echo(t, `hello-${generation}`)))
    await logged(`generation ${generation}:`)
    assert.equal(await ask(port), `hello-${generation} test`)
    const after = await scrape(where)
    for (const { name, labels, value } of before) {
      if (name.endsWith('_total') && !name.startsWith('nodejs_'))
        assert.ok(amount(after, name, labels) >= value, `${name} ${JSON.stringify(labels)}`)
    }
    before = after
  }
  assert.equal(amount(before, 'istio_tcp_connections_opened_total', TO_BACKEND), 12)
  assert.equal(amount(before, 'weir_generation'), 12)
  assert.equal(amount(before, 'weir_config_reloads_total', { outcome: 'taken' }), 12)
  assert.equal(amount(before, 'weir_config_last_reload_successful'), 1)
  save('kind: [')
  await logged('the change is refused')
  const refused = await scrape(where)
  assert.equal(amount(refused, 'weir_config_last_reload_successful'), 0)
  assert.equal(amount(refused, 'weir_config_reloads_total', { outcome: 'refused' }), 1)
  assert.equal(amount(refused, 'weir_generation'), 12)
})

test('labels are Istio’s, with what the labels of client and service say', async t => {
  const where = await scene(t, (port, backend) =>
    routing(port, backend)
      .replace('backend.example]', 'backend.shop.svc.cluster.local]')
      .replace('host: backend.example', 'host: backend.shop.svc.cluster.local')
      .replace('{address: 127.0.0.1}', '{address: 127.0.0.1, labels: {app: backend, version: v2}}')
      .replace(
        'mesh: {',
        'sources: [{cidr: 127.0.0.9/32, namespace: edge, labels: {app: web, version: v7}}], mesh: {',
      ),
  )
  await ask(where.port, '127.0.0.1', '127.0.0.9')
  const samples = await scrapeUntil(where, each => amount(each, 'istio_tcp_connections_closed_total') === 1)
  const opened = samples.filter(each => each.name === 'istio_tcp_connections_opened_total')
  assert.equal(opened.length, 1)
  assert.deepEqual(opened[0].labels, {
    reporter: 'source',
    request_protocol: 'tcp',
    response_flags: '-',
    connection_security_policy: 'unknown',
    source_workload: 'unknown',
    source_workload_namespace: 'edge',
    source_principal: 'unknown',
    source_app: 'web',
    source_version: 'v7',
    source_canonical_service: 'web',
    source_canonical_revision: 'v7',
    source_cluster: 'unknown',
    destination_cluster: 'unknown',
    destination_workload: 'unknown',
    destination_workload_namespace: 'shop',
    destination_principal: 'unknown',
    destination_app: 'backend',
    destination_version: 'v2',
    destination_canonical_service: 'backend',
    destination_canonical_revision: 'v2',
    destination_service: 'backend.shop.svc.cluster.local',
    destination_service_name: 'backend',
    destination_service_namespace: 'shop',
  })
})

test('process metrics are there, and nothing that is a NaN', async t => {
  const samples = await scrape(await scene(t))
  for (const name of [
    'process_open_fds',
    'process_resident_memory_bytes',
    'process_start_time_seconds',
    'weir_table_bytes',
  ])
    assert.ok(amount(samples, name) > 0, name)
  assert.equal(amount(samples, 'weir_build_info', { version: '1.2.3' }), 1)
  assert.deepEqual(
    samples.filter(each => Number.isNaN(each.value)),
    [],
  )
})

test('one rendering is given to all who ask within its time', async t => {
  const { get, port } = await scene(t, routing, 'auto', { metricsMs: 60_000 })
  const [first, ...others] = await Promise.all(Array.from({ length: 20 }, () => get('/metrics')))
  for (const { status, body } of others) assert.ok(status === 200 && body === first.body)
  await ask(port)
  assert.equal((await get('/metrics')).body, first.body)
})

test('what a label says is escaped, and values are written as Prometheus reads them', async () => {
  const said = 'a "quote", a \\ and a\nline'
  const values = [1, 0.25, 1e21, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]
  const family = gauge('m', 'One \\ thing\nand another.', () =>
    values.map((value, index) => ({ value, labels: { said, index } })),
  )
  const text = atOnce(textOf([family, gauge('n', 'None.', () => [])])).toString()
  const samples = parseMetrics(text)
  assert.deepEqual(
    samples.map(each => each.value),
    values,
  )
  assert.ok(samples.every(({ labels }, index) => labels.said === said && labels.index === String(index)))
  assert.match(text, /^# HELP m One \\\\ thing\\nand another\.\n# TYPE m gauge\n/)
  assert.match(text, /# HELP n None\.\n# TYPE n gauge\n$/)
})
