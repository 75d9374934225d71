/**
 * The Pod of the chart as a kubelet runs it, without a cluster: its ConfigMap projected into a
 * folder, its arguments and variables, its probes, a change of the ConfigMap, and its end.
 */

import { deepEqual, equal, ok } from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { type TestContext, test } from 'node:test'
import { ask, echo, folder, routing } from '../control/scene.ts'
import { fullOnly } from '../support/full.ts'
import { freePort } from '../support/sockets.ts'
import { type Manifest, only, podOf, ROOT, render, SKIP } from './kit.ts'

test('a Pod is ready, takes a changed ConfigMap, and ends as its Service expects', {
  skip: SKIP || fullOnly,
}, async t => {
  const [port, admin] = [await freePort(), await freePort()]
  const manifestsFor = async (reply: string): Promise<Manifest[]> =>
    render({
      gateways: { edge: { ports: [{ name: 'echo', port: 7, targetPort: port }] } },
      admin: { address: '127.0.0.1', port: admin },
      settings: { drain: { lameDuck: '1m' } },
      config: { files: { 'routes.yaml': withoutSettings(routing(port, await echo(t, reply))) } },
    })
  const [first, second] = await Promise.all([manifestsFor('first'), manifestsFor('second')])
  const mount = join(folder(t), 'weir')
  project(mount, '1', first)
  const pod = runPod(t, first, mount)
  await pod.says('every listener accepts')
  deepEqual(await Promise.all(pod.probes().map(probe)), [200, 200, 200])
  equal(await ask(port), 'first test')

  project(mount, '2', second)
  await pod.says('generation 2')
  equal(await ask(port), 'second test')

  pod.end()
  await pod.says('not ready')
  deepEqual(await Promise.all(pod.probes().map(probe)), [200, 200, 503])
  equal(await ask(port), 'second test') // clients that do not know it yet
  pod.end()
  equal(await pod.exit, 143)
})

const withoutSettings = (text: string): string =>
  text
    .split('\n---\n')
    .filter(each => !each.includes('kind: Settings'))
    .join('\n---\n')

/** What the kubelet does: a new folder, a link to it renamed over the old one, the old one gone. */
function project(mount: string, version: string, manifests: readonly Manifest[]): void {
  const files = Object.entries(only(manifests, 'ConfigMap', 'weir').data)
  mkdirSync(join(mount, `..${version}`), { recursive: true })
  for (const [name, text] of files) writeFileSync(join(mount, `..${version}`, name), text)
  symlinkSync(`..${version}`, join(mount, '..data_tmp'))
  renameSync(join(mount, '..data_tmp'), join(mount, '..data'))
  if (version === '1') for (const [name] of files) symlinkSync(`..data/${name}`, join(mount, name))
  else rmSync(join(mount, `..${Number(version) - 1}`), { recursive: true })
}

type Probe = { readonly host: string; readonly port: number; readonly path: string }

const probe = async ({ host, port, path }: Probe): Promise<number> =>
  (await fetch(`http://${host}:${port}${path}`)).status

function runPod(t: TestContext, manifests: readonly Manifest[], mount: string) {
  const [container] = podOf(manifests).containers
  const words = [...container.args].map(String).map(each => (each === '/etc/weir' ? mount : each))
  const variables = [...container.env].map(({ name, value }) => [String(name), String(value)])
  const child = spawn(process.execPath, [join(ROOT, 'src/cli/weir.js'), ...words], {
    env: { ...process.env, ...Object.fromEntries(variables) },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  t.after(() => child.kill('SIGKILL'))
  let all = ''
  let grown = Promise.withResolvers<void>()
  createInterface({ input: child.stdout }).on('line', line => {
    all += `${line}\n`
    grown.resolve()
    grown = Promise.withResolvers()
  })
  const exit = new Promise<number | null>(resolve => child.on('close', resolve)) // its last words come after 'exit'
  const says = async (text: string): Promise<void> => {
    while (!all.includes(text))
      await Promise.race([grown.promise, exit.then(() => ok(all.includes(text), all))])
  }
  const probes = (): Probe[] =>
    ['startupProbe', 'livenessProbe', 'readinessProbe'].map(name => {
      const { host, port, path } = container[name].httpGet
      const named = [...container.ports].find(each => each.name === port)
      return { host: String(host), port: Number(named?.containerPort), path: String(path) }
    })
  return { exit, says, probes, end: () => child.kill('SIGTERM') }
}
