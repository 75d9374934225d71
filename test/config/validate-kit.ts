/** Builds resources from plain objects, and reads the findings of validate. */

import { deepEqual } from 'node:assert/strict'
import { test } from 'node:test'
import { type Diagnostic, Findings } from '../../src/config/findings/diagnostic.ts'
import { Resource } from '../../src/config/resource.ts'
import { type ValidateOptions, validate } from '../../src/config/validate/validate.ts'

export type Json = Readonly<Record<string, unknown>>

const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const strings = (value: unknown): Readonly<Record<string, string>> =>
  Object.fromEntries(Object.entries(isObject(value) ? value : {}).map(([key, each]) => [key, String(each)]))

/** A resource as the text stage would make it of `value`. */
export function resourceOf(value: Json): Resource {
  const metadata = isObject(value.metadata) ? value.metadata : {}
  return new Resource({
    apiVersion: String(value.apiVersion),
    kind: String(value.kind),
    metadata: {
      name: String(metadata.name ?? ''),
      namespace: String(metadata.namespace ?? 'default'),
      labels: strings(metadata.labels),
      annotations: strings(metadata.annotations),
      createdMs: null,
    },
    written: { value, locate: () => ({ file: 'test.yaml', line: 1, column: 1 }) },
    file: 'test.yaml',
    ordinal: 0,
  })
}

export function findingsOf(
  value: Json,
  options: ValidateOptions = { profile: 'sidecar' },
): readonly Diagnostic[] {
  const findings = new Findings()
  validate(resourceOf(value), findings, options)
  return findings.list
}

/** A whole resource of an Istio kind around a spec. */
export const istio = (kind: string, spec: unknown, metadata: Json = {}): Json => ({
  apiVersion: 'networking.istio.io/v1',
  kind,
  metadata: { name: 'foo', namespace: 'bar', ...metadata },
  spec,
})

/** "CFG201 spec.hosts[0]" for each error, and each warning that istiod gives too. */
export const verdict = (list: readonly Diagnostic[]): readonly string[] =>
  list
    .filter(each => each.severity !== 'info' && !each.code.startsWith('CFG3'))
    .map(each => `${each.code} ${each.field ?? ''}`)

/** A case of a rule: its name, its spec, and the findings of validate (none: it is fine). */
export type Case = readonly [name: string, spec: unknown, ...expected: string[]]

/** One test for each rule, which goes through the rule's cases. */
export function rules(kind: string, table: Readonly<Record<string, readonly Case[]>>): void {
  for (const [rule, cases] of Object.entries(table)) {
    test(`${kind}: ${rule}`, () => {
      for (const [name, spec, ...expected] of cases) {
        deepEqual(verdict(findingsOf(istio(kind, spec))), expected, name)
      }
    })
  }
}
