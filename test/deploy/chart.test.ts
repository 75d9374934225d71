/**
 * The chart: rendered by helm with its example values, held to Kubernetes' schemas, to weir's own
 * configuration and to the package; and its Pod run as a kubelet would run it.
 */

import { deepEqual, equal, match, ok, rejects } from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { parse } from 'yaml'
import { loadConfig } from '../../src/config/load.ts'
import { leaseName } from '../../src/source/kubernetes/lease.ts'
import { rbacOf } from '../../src/source/kubernetes/rbac.ts'
import { folder } from '../control/scene.ts'
import { blocksOf } from '../docs/kit.ts'
import { fullOnly } from '../support/full.ts'
import {
  CHART,
  helm,
  type Json,
  type Manifest,
  only,
  podOf,
  ROOT,
  render,
  SKIP,
  schemaErrors,
  unknownFields,
} from './kit.ts'

const EXAMPLES = ['load-balancer', 'host-network', 'several-gateways'] as const
const read = (file: string): string => readFileSync(join(CHART, file), 'utf8')

/** Rendered once; null where helm is missing. */
const rendered = SKIP
  ? null
  : Object.fromEntries(
      await Promise.all(EXAMPLES.map(async each => [each, await render(`examples/${each}.yaml`)] as const)),
    )
const manifestsOf = (example: (typeof EXAMPLES)[number]): Manifest[] => rendered?.[example] ?? []

const KINDS: Readonly<Record<(typeof EXAMPLES)[number], readonly string[]>> = {
  'load-balancer': [
    'ConfigMap',
    'ConfigMap',
    'Deployment',
    'HorizontalPodAutoscaler',
    'NetworkPolicy',
    'PodDisruptionBudget',
    'PrometheusRule',
    'Service',
    'Service',
    'ServiceAccount',
    'ServiceMonitor',
  ],
  'host-network': ['ConfigMap', 'DaemonSet', 'ServiceAccount'],
  'several-gateways': [
    'ConfigMap',
    'Deployment',
    'NetworkPolicy',
    'PodDisruptionBudget',
    'Service',
    'Service',
    'Service',
    'ServiceAccount',
    'ServiceMonitor',
  ],
}

for (const example of EXAMPLES) {
  test(`the manifests of ${example} are valid by the schemas of their kinds`, { skip: SKIP }, async () => {
    const manifests = manifestsOf(example)
    deepEqual(manifests.map(each => each.kind).sort(), KINDS[example])
    deepEqual((await Promise.all(manifests.map(schemaErrors))).flat(), [])
  })

  test(`weir finds nothing wrong with what ${example} serves, on the ports that its Services name`, {
    skip: SKIP,
  }, () => {
    const manifests = manifestsOf(example)
    const files = filesOf(manifests)
    const { diagnostics, plan } = loadConfig(files, { names: new Map() })
    deepEqual(
      diagnostics
        .map(each => `${each.code} ${each.message}`)
        .filter(each => !each.includes('/etc/weir-tls/')),
      [],
    )
    const [ports] = [...podOf(manifests).containers].map(each => [...each.ports])
    const opened = plan?.listeners.map(each => each.port) ?? []
    const named = ports.filter(each => String(each.name) !== 'admin').map(each => Number(each.containerPort))
    if (example !== 'several-gateways') deepEqual(opened.toSorted(), named.toSorted())
    for (const service of manifests.filter(each => each.kind === 'Service'))
      for (const port of service.spec.ports)
        ok(
          ports.some(each => each.name === port.targetPort),
          `${service.metadata.name} ${port.name}`,
        )
  })
}

const filesOf = (manifests: readonly Manifest[]) =>
  Object.entries(only(manifests, 'ConfigMap', 'weir').data as Readonly<Record<string, string>>).map(
    ([file, text]) => ({ file, bytes: Buffer.from(text) }),
  )

test('no manifest has a field that its kind does not have, and one would be found', {
  skip: SKIP || fullOnly,
}, async () => {
  const all = EXAMPLES.flatMap(manifestsOf)
  const service = only(all.slice(0, KINDS['load-balancer'].length), 'Service', 'weir-edge')
  const misspelt = { ...service, spec: { ...service.spec, externalTraficPolicy: 'Local' } }
  const others = await render({
    kind: 'DaemonSet',
    kubernetes: { enabled: true, secrets: ['shop/a'] },
    settings: { kubernetes: { namespaces: ['shop'] } },
    preStop: { sleepSeconds: 5 },
    strategy: { rollingUpdate: { maxUnavailable: '10%' } },
  })
  deepEqual((await Promise.all(others.map(schemaErrors))).flat(), [])
  const found = await unknownFields([...all, ...others, misspelt as unknown as Manifest])
  match(found, /^[^\n]*'?externalTraficPolicy'?[^\n]*\n(?: [^\n]*\n)*$/)
  const wrong = { ...service, spec: { ...service.spec, ports: [{ port: 'http' }] } }
  equal((await schemaErrors(wrong as unknown as Manifest)).length, 1)
})

test('the chart takes the values that docs/operations/in-kubernetes.md shows', {
  skip: SKIP || fullOnly,
}, async t => {
  const shown = blocksOf('docs/operations/in-kubernetes.md').filter(
    each => each.note === 'foreign: helm values',
  )
  const onHosts = shown.filter(each => each.text.includes('hostNetwork'))
  const others = shown.filter(each => !onHosts.includes(each))
  deepEqual([onHosts.length, others.length], [1, 7])
  for (const blocks of [onHosts, others]) {
    const root = folder(t, Object.fromEntries(blocks.map(({ text }, index) => [`${index}.yaml`, text])))
    const manifests = await render(
      {},
      ...blocks.flatMap((_, index) => ['--values', join(root, `${index}.yaml`)]),
    )
    deepEqual((await Promise.all(manifests.map(schemaErrors))).flat(), [])
  }
})

test('helm lint finds nothing', { skip: SKIP || fullOnly }, async () => {
  const values = join(CHART, 'examples/several-gateways.yaml')
  match(await helm('lint', '--strict', CHART, '--values', values), /1 chart\(s\) linted, 0 chart\(s\) failed/)
})

test('a Pod may end for as long as its drain takes, and the chart refuses less', {
  skip: SKIP || fullOnly,
}, async () => {
  const graceOf = async (values: object) => podOf(await render(values)).terminationGracePeriodSeconds
  const drain = (lameDuck: string, timeout: string) => ({ settings: { drain: { lameDuck, timeout } } })
  equal(podOf(manifestsOf('load-balancer')).terminationGracePeriodSeconds, 15 + 30 + 5)
  equal(await graceOf({ ...drain('1m30s', '1.5h'), preStop: { sleepSeconds: 7 } }), 7 + 90 + 5400 + 5)
  equal(await graceOf(drain('300ms', '0')), 1 + 0 + 5)
  await rejects(
    graceOf({ terminationGracePeriodSeconds: 49 }),
    /may take 50 s to end: preStop 0, drain\.lameDuck 15/,
  )
  await rejects(graceOf({ settings: null }), /terminationGracePeriodSeconds must be set/)
  equal(await graceOf({ settings: null, terminationGracePeriodSeconds: 40 }), 40)
})

test('ports below 1024 are opened as the values say', { skip: SKIP || fullOnly }, async () => {
  const low = (values: object) =>
    render({ gateways: { edge: { ports: [{ name: 'smtp', port: 2525, targetPort: 25 }] } }, ...values })
  const bySysctl = podOf(await low({}))
  deepEqual(bySysctl.securityContext.sysctls, [{ name: 'net.ipv4.ip_unprivileged_port_start', value: '25' }])
  equal(bySysctl.securityContext.runAsNonRoot, true)
  await rejects(low({ hostNetwork: true }), /lowPorts: sysctl does not work on the host's network/)
  const asRoot = podOf(await low({ hostNetwork: true, lowPorts: 'capability' }))
  equal(asRoot.securityContext.runAsUser, 0)
  deepEqual([...asRoot.containers][0].securityContext.capabilities, {
    drop: ['ALL'],
    add: ['NET_BIND_SERVICE'],
  })
  const byNode = podOf(await low({ hostNetwork: true, lowPorts: 'node' }))
  deepEqual([byNode.securityContext.runAsUser, byNode.securityContext.sysctls], [65532, undefined])
})

test('what would not work is refused, with a way out', { skip: SKIP || fullOnly }, async () => {
  const port = (name: string, number: number) => ({ ports: [{ name, port: number }] })
  const refused: readonly (readonly [object, RegExp])[] = [
    [{ replica: 3 }, /additional properties 'replica' not allowed/],
    [
      { gateways: { a: port('x', 80), b: port('x', 81) } },
      /port x of gateway b has the name of port x of gateway a/,
    ],
    [{ gateways: { a: port('x', 80), b: port('y', 80) } }, /both listen on 80: choose another targetPort/],
    [
      { gateways: { a: port('x', 15021) } },
      /port x of gateway a and the admin listener both listen on 15021/,
    ],
    [{ kind: 'DaemonSet', autoscaling: { enabled: true } }, /autoscaling\.enabled is for kind: Deployment/],
    [{ hostNetwork: true, monitoring: { serviceMonitor: { enabled: true } } }, /set admin\.address/],
    [{ hostNetwork: true, admin: { fleet: true } }, /admin\.fleet: Pods cannot reach each other/],
    [{ settings: { admin: { port: 1 } } }, /set admin\.address and admin\.port of the values/],
    [{ config: { files: { 'settings.yaml': 'x' } } }, /config\.files has settings\.yaml/],
    [{ config: { files: { 'notes.txt': 'x' } } }, /notes\.txt/],
  ]
  await Promise.all(
    refused.map(([values, reason]) => rejects(render(values), reason, JSON.stringify(values))),
  )
})

/** https://kubernetes.io/docs/concepts/security/pod-security-standards/#restricted */
test('the Pod of its own network meets the Pod Security Standard restricted', { skip: SKIP }, () => {
  for (const example of ['load-balancer', 'several-gateways'] as const) {
    const pod = podOf(manifestsOf(example))
    const { runAsNonRoot, seccompProfile, sysctls = [] } = pod.securityContext as unknown as PodSecurity
    deepEqual([pod.hostNetwork, runAsNonRoot, seccompProfile.type], [undefined, true, 'RuntimeDefault'])
    ok(sysctls.every(each => each.name === 'net.ipv4.ip_unprivileged_port_start'))
    for (const { securityContext } of pod.containers) {
      equal(securityContext.allowPrivilegeEscalation, false)
      deepEqual(securityContext.capabilities, { drop: ['ALL'] })
    }
    for (const volume of pod.volumes) ok('projected' in volume || 'secret' in volume, String(volume.name))
  }
})

type PodSecurity = {
  readonly runAsNonRoot: boolean
  readonly seccompProfile: { readonly type: string }
  readonly sysctls?: readonly { readonly name: string }[]
}

test('the dashboard and the alert rules are those of other systems', { skip: SKIP }, () => {
  const manifests = manifestsOf('load-balancer')
  const dashboard = only(manifests, 'ConfigMap', 'weir-dashboard').data['weir.json']
  deepEqual(JSON.parse(dashboard), JSON.parse(readFileSync(join(ROOT, 'config/grafana/weir.json'), 'utf8')))
  deepEqual(
    only(manifests, 'PrometheusRule').spec,
    parse(readFileSync(join(ROOT, 'config/prometheus/weir.rules.yaml'), 'utf8')),
  )
})

test('with admin.fleet Pods find and reach each other', { skip: SKIP || fullOnly }, async () => {
  const values = { admin: { fleet: true, port: 15022 } }
  const manifests = await render(values, '--set-json', 'settings.admin={"hosts":["a.test"]}')
  const { admin } = parse(only(manifests, 'ConfigMap', 'weir').data['settings.yaml']).spec
  deepEqual(admin, { fleet: ['weir-admin.edge.svc:15022'], hosts: ['a.test'] })
  const { spec } = only(manifests, 'Service', 'weir-admin')
  deepEqual([spec.clusterIP, spec.publishNotReadyAddresses], ['None', true])
  const { matchLabels } = only(manifests, 'Deployment').spec.selector
  const rules = [...only(manifests, 'NetworkPolicy').spec.ingress]
  deepEqual(rules.at(-1), {
    ports: [{ port: 15022, protocol: 'TCP' }],
    from: [{ podSelector: { matchLabels } }],
  })
  const [with_, without] = [manifests, await render({ admin: { port: 15022 } })].map(
    each => podTemplate(each).metadata.annotations['gateway.weir/read-once'],
  )
  ok(with_ !== without, 'weir reads it once')
  const own = await render(values, '--set-json', 'settings.admin={"fleet":["a.test"]}')
  deepEqual(parse(only(own, 'ConfigMap', 'weir').data['settings.yaml']).spec.admin.fleet, ['a.test'])
})

test('Pods are replaced by a change of a setting that weir reads once, and by no other', {
  skip: SKIP || fullOnly,
}, async () => {
  const mark = async (settings: object) =>
    podTemplate(await render({ settings })).metadata.annotations['gateway.weir/read-once']
  const plain = podTemplate(manifestsOf('load-balancer')).metadata.annotations['gateway.weir/read-once']
  equal(await mark({ maxConnections: 5, reload: { guard: 'warn' } }), plain)
  const marks = await Promise.all([{ engine: 'epoll' }, { reload: { history: '/h' } }].map(mark))
  equal(new Set([plain, ...marks]).size, 3)
  const documented = readFileSync(join(ROOT, 'docs/configuration.md'), 'utf8')
  const readOnce = [...documented.matchAll(/^\| `([\w.]+)` .*\*read once\*/gm)].map(found => found[1])
  const all = ['namespaces', 'gatewaySelector', 'gatewayClass', 'status', 'addresses'].map(
    each => `kubernetes.${each}`,
  )
  deepEqual(readOnce, ['workers', 'engine', 'admin', 'reload.history', ...all])
  const template = read('templates/_pod.tpl')
  match(template, /pick \$settings "workers" "engine" "admin" "kubernetes"[^"]*"reload" "history"/)
})

const podTemplate = (manifests: readonly Manifest[]): Json => only(manifests, 'Deployment').spec.template

/** Without the labels, by the names that `weir rbac` gives, and in an order of its own. */
const rightsOf = (manifests: readonly object[]): unknown[] =>
  manifests
    .map(each => JSON.parse(JSON.stringify(each).replaceAll('edge-weir', 'weir')))
    .filter(each => each.apiVersion.startsWith('rbac.'))
    .map(({ metadata: { labels, ...metadata }, ...rest }) => ({ ...rest, metadata }))
    .map(each => [[each.kind, each.metadata.namespace, each.metadata.name].join(), each] as const)
    .sort(([left], [right]) => (left < right ? -1 : 1))

test('with kubernetes.enabled weir reads the API, and has the rights that weir rbac prints', {
  skip: SKIP,
}, async () => {
  const manifests = await render('examples/from-cluster.yaml')
  deepEqual((await Promise.all(manifests.map(schemaErrors))).flat(), [])
  const pod = podOf(manifests)
  equal(pod.automountServiceAccountToken, true)
  deepEqual([...pod.containers][0].args, ['run', '--kubernetes', '/etc/weir'])
  equal(podOf(manifestsOf('load-balancer')).automountServiceAccountToken, false)
  const { settings } = loadConfig(filesOf(manifests), { names: new Map(), objects: [] })
  equal(settings.kubernetes.status, true)
  const none = { pods: false, nodes: false, namespaces: false, secrets: [], configMaps: [] }
  const account = { name: 'weir', namespace: 'edge' }
  const gatewaySelector = { tier: 'edge', app: 'a' }
  const printed = (needs: object, namespaces: string[], status: boolean) => {
    const isNarrow = namespaces.length > 0
    const lease = leaseName(
      isNarrow ? { namespaces, gatewaySelector, gatewayClass: 'inner' } : settings.kubernetes,
    )
    return rightsOf(rbacOf({ needs: { ...none, ...needs }, namespaces, status, lease, account }))
  }
  deepEqual(rightsOf(manifests), printed({ secrets: ['edge/shop-tls'] }, [], true))
  deepEqual(rightsOf(await render({ kubernetes: { enabled: true } })), printed({}, [], false))
  const all = { pods: true, namespaces: true, secrets: ['a/x', 'b/z', 'a/y'], configMaps: ['a/ca'] }
  const narrow = {
    locality: { zone: 'a' },
    kubernetes: { namespaces: ['a', 'b'], gatewaySelector, gatewayClass: 'inner', status: true },
  }
  deepEqual(
    rightsOf(await render({ kubernetes: { enabled: true, ...all }, settings: narrow })),
    printed({ ...all, nodes: true }, ['a', 'b'], true),
  )
  const own = await render({ kubernetes: { enabled: true }, rbac: { create: false } })
  deepEqual([rightsOf(own), podOf(own).automountServiceAccountToken], [[], true])
})

test('the chart has the version of the package', () => {
  const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { version: string }
  const chart = parse(read('Chart.yaml')) as { version: string; appVersion: string }
  deepEqual([chart.version, chart.appVersion], [version, version])
  ok(
    readFileSync(join(ROOT, 'config/deploy/kustomize/base/kustomization.yaml'), 'utf8').includes(
      `newTag: ${version}\n`,
    ),
  )
})
