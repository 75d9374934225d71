/** The kustomize base and its overlay are what the chart makes, written by hand. */

import { deepEqual, equal } from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { parse, parseAllDocuments } from 'yaml'
import { fullOnly } from '../support/full.ts'
import { CHART, kustomize, type Manifest, render, SKIP, schemaErrors, unknownFields } from './kit.ts'

/** Without what only helm writes: its labels, the namespace, and when Pods are replaced. */
function core(manifest: Manifest): unknown {
  const { metadata, data, ...rest } = structuredClone(manifest) as unknown as {
    metadata: { name: string; annotations?: object }
    data?: Readonly<Record<string, string>>
    spec?: { template?: { metadata: unknown } }
  }
  if (rest.spec?.template) rest.spec.template.metadata = null
  const files = Object.entries(data ?? {}).map(([name, text]) => [
    name,
    parseAllDocuments(text).map(each => each.toJS()),
  ])
  return { ...rest, name: metadata.name, files: Object.fromEntries(files) }
}

const sorted = (manifests: readonly Manifest[]): unknown[] =>
  manifests
    .toSorted((a, b) => (`${a.kind} ${a.metadata.name}` < `${b.kind} ${b.metadata.name}` ? -1 : 1))
    .map(core)

const PAIRS = {
  base: ['examples/load-balancer.yaml', ['autoscaling', 'monitoring']],
  'host-network': ['examples/host-network.yaml', []],
} as const

test('kustomize makes what the chart makes of the same example', { skip: SKIP || fullOnly }, async t => {
  const folders = Object.keys(PAIRS)
  const made = await Promise.all(folders.map(kustomize))
  for (const [index, [folder, [example, without]]] of Object.entries(PAIRS).entries())
    await t.test(folder, async () => {
      const values = parse(readFileSync(join(CHART, example), 'utf8')) as Record<string, unknown>
      for (const name of without) delete values[name]
      deepEqual(sorted(made[index]), sorted(await render(values)))
      deepEqual((await Promise.all(made[index].map(schemaErrors))).flat(), [])
    })
  equal(await unknownFields(made.flat()), '')
})
