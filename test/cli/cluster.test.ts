/** Commands that read a cluster once: check, explain, export, rbac. */

import { deepEqual, equal, match, ok, rejects } from 'node:assert/strict'
import { chmodSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { type TestContext, test } from 'node:test'
import { folder } from '../control/scene.ts'
import { ISTIO_CRDS } from '../kubernetes/fake/crds.ts'
import type { KubeObject } from '../kubernetes/fake/object.ts'
import { FakeApi } from '../kubernetes/fake/server.ts'
import { fullOnly } from '../support/full.ts'
import { freePort } from '../support/sockets.ts'
import { weir } from './kit.ts'

const object = (
  kind: string,
  name: string,
  spec: object,
  apiVersion = 'networking.istio.io/v1',
): KubeObject => ({
  apiVersion,
  kind,
  metadata: { name, namespace: 'shop' },
  spec,
})
const TLS = { mode: 'SIMPLE', credentialName: 'cert' }
const OBJECTS: readonly KubeObject[] = [
  object('Gateway', 'edge', {
    servers: [{ port: { number: 9000, name: 'tcp', protocol: 'TCP' }, hosts: ['*'] }],
  }),
  object('VirtualService', 'echo', {
    hosts: ['*'],
    gateways: ['edge'],
    tcp: [{ route: [{ destination: { host: 'echo', port: { number: 80 } } }] }],
  }),
  object('Service', 'echo', { clusterIP: '10.0.0.1', ports: [{ port: 80, name: 'tcp' }] }, 'v1'),
  object('VirtualService', 'wrong', { hosts: ['a.com'], tcp: [{ rout: [] }] }),
]

async function cluster(t: TestContext, more: readonly KubeObject[] = []) {
  const api = await FakeApi.start({ crds: ISTIO_CRDS })
  t.after(() => api.stop())
  for (const each of [...OBJECTS, ...more]) api.put(each)
  const root = folder(t, { config: api.kubeconfig() })
  return { root, kubeconfig: ['--kubeconfig', `${root}/config`] }
}

test('check and explain read the cluster; a wrong resource fails the check and is left out', async t => {
  const { kubeconfig } = await cluster(t)
  const checked = await weir(['check', '--kubernetes', ...kubeconfig])
  equal(checked.code, 1)
  match(checked.out, /^VirtualService shop\/wrong spec\.tcp\[0\]\.rout: error CFG102/)
  const question = ['--gateway', 'edge', '--from', '10.0.0.7', '--to', '10.1.2.3:9000']
  const explained = await weir(['explain', '--kubernetes', ...kubeconfig, ...question])
  equal(explained.code, 0, explained.err)
  match(explained.out, /shop\/echo tcp\[0\] {2}VirtualService shop\/echo\n/)
})

test('export writes what was read as files, which weir reads alike', async t => {
  const { root, kubeconfig } = await cluster(t)
  const written = await weir(['export', ...kubeconfig, '--dir', `${root}/out`])
  equal(written.code, 0, written.err)
  deepEqual(readdirSync(`${root}/out`), ['shop.yaml'])
  const checked = await weir(['check', `${root}/out`])
  match(checked.out, /shop\.yaml:\d+:\d+: error CFG102/)
  const printed = await weir(['export', ...kubeconfig])
  equal(printed.out, readFileSync(`${root}/out/shop.yaml`, 'utf8'))
})

test('export with Secrets lets only its owner read a file that others could read before', async t => {
  const { root, kubeconfig } = await cluster(t)
  await weir(['export', ...kubeconfig, '--dir', `${root}/out`])
  chmodSync(`${root}/out/shop.yaml`, 0o644)
  const written = await weir(['export', ...kubeconfig, '--dir', `${root}/out`, '--secrets'])
  equal(written.code, 0, written.err)
  equal(statSync(`${root}/out/shop.yaml`).mode & 0o777, 0o600)
})

test('run ends at a signal while it waits for a cluster that does not answer', async t => {
  const api = await FakeApi.start()
  const root = folder(t, { config: api.kubeconfig() })
  await api.stop()
  let send: (signal: 'SIGTERM') => void = () => {}
  const { code } = await weir(['run', '--kubernetes', '--kubeconfig', `${root}/config`, '--no-admin'], {
    onReady: given => {
      send = given
    },
    onOut: text => {
      if (text.includes('nothing is served before it is known')) send('SIGTERM')
    },
  })
  equal(code, 0)
})

test('a command that waits for a cluster says so, and goes on once it answers', {
  skip: fullOnly,
}, async t => {
  const api = await FakeApi.start({ crds: ISTIO_CRDS })
  t.after(() => api.stop())
  const root = folder(t, { config: api.kubeconfig() })
  await api.stop()
  const { err, code } = await weir(['check', '--kubernetes', '--kubeconfig', `${root}/config`], {
    onErr: () => void api.listen(),
  })
  match(err, /^\S+ is asked again, for at most 60 s: .*ECONNREFUSED \S+ \(\w+, \w+, \w+ and \d+ others\)\n$/)
  equal(code, 0)
})

test('run that waits for a cluster is alive, not ready, and says for what', async t => {
  const api = await FakeApi.start()
  const root = folder(t, { config: api.kubeconfig() })
  await api.stop()
  const admin = `127.0.0.1:${await freePort()}`
  const get = async (path: string) => {
    const answer = await fetch(`http://${admin}${path}`)
    return { status: answer.status, text: await answer.text() }
  }
  const asked = Promise.withResolvers<void>()
  let send: (signal: 'SIGTERM') => void = () => {}
  let said = ''
  const args = ['run', '--kubernetes', '--kubeconfig', `${root}/config`, '--admin', admin]
  const running = weir(args, {
    onReady: given => {
      send = given
    },
    onOut: text => {
      said += text
      if (said.includes('nothing is served before it is known') && said.includes('admin at')) asked.resolve()
    },
  })
  t.after(() => send('SIGTERM'))
  await asked.promise
  deepEqual(await get('/healthz'), { status: 200, text: '{"alive":true}\n' })
  const ready = await get('/ready')
  const { why, awaits } = JSON.parse(ready.text)
  deepEqual([ready.status, why], [503, 'awaits-kubernetes'])
  match(awaits, /^waiting for the Kubernetes API \(.*\): connect ECONNREFUSED/)
  const status = await weir(['status', '--admin', admin])
  deepEqual([status.code, status.out], [1, ''])
  ok(
    status.err.startsWith('error: the gateway serves nothing yet: waiting for the Kubernetes API'),
    status.err,
  )
  const metrics = await get('/metrics')
  match(metrics.text, /^weir_kubernetes_synced\{kind="Service"\} 0$/m)
  match(metrics.text, /^weir_ready 0$/m)
  const { paths } = JSON.parse((await get('/openapi.json')).text)
  for (const path of Object.keys(paths).filter(each => !each.includes('{') && paths[each].get)) {
    const { status, text } = await get(path)
    ok(status < 500 || status === 503, `${path}: ${status} ${text}`)
  }
  const second = await weir(args)
  equal(second.code, 1)
  match(second.out, /another weir that does not serve yet has it/)
  send('SIGTERM')
  equal((await running).code, 0)
  await rejects(get('/healthz'))
})

test('rbac prints no more than what is used', async t => {
  const secret = object('Gateway', 'tls', {
    servers: [{ port: { number: 443, name: 'tls', protocol: 'TLS' }, hosts: ['*'], tls: TLS }],
  })
  const { root, kubeconfig } = await cluster(t)
  const plain = await weir(['rbac', '--kubernetes', ...kubeconfig, '--account', 'edge/weir'])
  equal(plain.code, 0, plain.err)
  ok(!/secrets|pods|nodes|patch|create|get\b/.test(plain.out), plain.out)
  match(plain.out, /kind: ServiceAccount\n +name: weir\n +namespace: edge/)
  const { kubeconfig: more } = await cluster(t, [
    secret,
    object('DestinationRule', 'echo', { host: 'echo', subsets: [{ name: 'v1', labels: { v: '1' } }] }),
  ])
  const used = await weir(['rbac', '--kubernetes', ...more])
  match(used.out, /- pods\n/)
  match(used.out, /resources:\n +- secrets\n +resourceNames:\n +- cert\n +- cert-cacert\n/)
  const settings = `${root}/settings.yaml`
  writeFileSync(
    settings,
    'apiVersion: gateway.weir/v1\nkind: Settings\nspec: { kubernetes: { namespaces: [shop], status: true } }\n',
  )
  const narrow = await weir(['rbac', '--kubernetes', ...kubeconfig, settings])
  match(narrow.out, /kind: Role\nmetadata:\n +name: weir\n +namespace: shop\n/)
  match(narrow.out, /virtualservices\/status/)
  writeFileSync(`${root}/broken.yaml`, 'kind: Gateway\n  spec: [')
  const broken = await weir(['rbac', `${root}/broken.yaml`])
  deepEqual([broken.code, broken.out], [1, ''])
  match(broken.err, /broken\.yaml:2:\d+: error CFG/)
  const wrong = await weir(['rbac', '--kubernetes', ...kubeconfig, '--account', 'weir'])
  equal(wrong.code, 2)
})

test('a cluster that cannot be reached is said, with what to do', async t => {
  const root = folder(t, { config: 'clusters: []' })
  const { code, err } = await weir(['check', '--kubernetes', '--kubeconfig', `${root}/config`])
  equal(code, 1)
  match(err, /^error: .*config has no current-context: name one with --context\n$/)
  const lonely = await weir(['check', '--context', 'prod'])
  equal(lonely.code, 2)
  match(lonely.err, /add --kubernetes/)
})

test('the kustomize overlay gives the rights that weir rbac prints', async () => {
  const file = 'config/deploy/kustomize/cluster-source/rbac.yaml'
  const { out } = await weir(['rbac', 'config/deploy/kustomize/base/config/settings.yaml'])
  if (process.env.UPDATE_DOCS) writeFileSync(file, out)
  equal(readFileSync(file, 'utf8'), out)
})
