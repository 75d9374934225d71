/** The chart's README lists its values: meanings from the schema, defaults from values.yaml. */

import { deepEqual } from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { parse } from 'yaml'
import { holds, ROOT, tableOf } from './kit.ts'

const CHART = 'config/deploy/helm'

type Schema = {
  readonly description?: string
  readonly properties?: Readonly<Record<string, Schema>>
}
type Values = Readonly<Record<string, unknown>>

const schema = JSON.parse(readFileSync(`${ROOT}${CHART}/values.schema.json`, 'utf8')) as Schema
const values = parse(readFileSync(`${ROOT}${CHART}/values.yaml`, 'utf8')) as Values

/** What values.yaml does not have. */
const HELM = 'global'

/** A value with a description is a row; one without is a group of values. */
function* rowsOf({ properties = {} }: Schema, defaults: Values, prefix = ''): Generator<string[]> {
  for (const [name, field] of Object.entries(properties)) {
    const path = `${prefix}${name}`
    const byDefault = defaults[name]
    if (path === HELM) continue
    if (field.description === undefined) yield* rowsOf(field, byDefault as Values, `${path}.`)
    else yield [`\`${path}\``, `\`${inFlow(byDefault)}\``, field.description]
  }
}

const inFlow = (value: unknown): string =>
  JSON.stringify(value)
    .replaceAll(/"([\w-]+)":/g, '$1: ')
    .replaceAll(',', ', ')

test('the chart’s README lists every value', () => {
  holds(`${CHART}/README.md`, 'values', tableOf(['value', 'default', 'meaning'], [...rowsOf(schema, values)]))
})

test('the schema and values.yaml have the same values', () => {
  const namesIn = (each: object): string[] => Object.keys(each).sort()
  const differ = (at: Schema, defaults: Values): void => {
    if (at.properties === undefined) return
    deepEqual(
      namesIn(at.properties).filter(name => name !== HELM),
      namesIn(defaults),
    )
    for (const [name, field] of Object.entries(at.properties))
      if (name !== HELM && field.description === undefined) differ(field, defaults[name] as Values)
  }
  differ(schema, values)
})
