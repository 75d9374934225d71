/** The dashboard and the alert rules, as Grafana and Prometheus read them. */

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { parseAllDocuments } from 'yaml'

export const CONFIG = fileURLToPath(new URL('../../config', import.meta.url))
export const RULES_FILE = `${CONFIG}/prometheus/weir.rules.yaml`

type Target = { readonly expr: string; readonly legendFormat: string }
type Panel = { readonly title: string; readonly type: string; readonly targets: readonly Target[] }
type Dashboard = {
  readonly panels: readonly (Panel & { readonly id: number; readonly gridPos: Place })[]
  readonly templating: { readonly list: readonly { readonly name: string; readonly definition?: string }[] }
  readonly annotations: { readonly list: readonly { readonly expr: string }[] }
}
export type Place = { readonly x: number; readonly y: number; readonly w: number; readonly h: number }

export const dashboard = JSON.parse(readFileSync(`${CONFIG}/grafana/weir.json`, 'utf8')) as Dashboard

export type Rule = {
  readonly alert: string
  readonly expr: string
  readonly for?: string
  readonly labels: Readonly<Record<string, string>>
  readonly annotations: Readonly<Record<string, string>>
}

export const [rules] = parseAllDocuments(readFileSync(RULES_FILE, 'utf8')).map(document => {
  assert.deepEqual([...document.errors, ...document.warnings], [])
  return document.toJS() as {
    readonly groups: readonly { readonly name: string; readonly rules: readonly Rule[] }[]
  }
})
