/**
 * Configurations before and after a change, and what the change would take from connections
 * (src/control/guard/losses.ts).
 */

import assert from 'node:assert/strict'
import { loadConfig } from '../../src/config/load.ts'
import { LOSS_KINDS, type Losses } from '../../src/control/guard/loss.ts'
import { findLosses } from '../../src/control/guard/losses.ts'
import { snapshotOf } from '../../src/control/guard/snapshot.ts'
import { buildTable } from '../../src/table/build/builder.ts'
import { openTable } from '../../src/table/format/table.ts'
import { guarded, type Parts } from './guarded.ts'

export const FILES = guarded(9000, 9001)

/** `files` with `from` replaced by `to` in one of them. */
export function edited(name: string, from: string | RegExp, to: string, files: Parts = FILES): Parts {
  const text = files[name].replace(from, to)
  assert.notEqual(text, files[name])
  return { ...files, [name]: text }
}

export function without(...names: readonly string[]): Parts {
  return Object.fromEntries(Object.entries(FILES).filter(([name]) => !names.includes(name)))
}

export function sideOf(files: Parts) {
  const sources = Object.entries(files).map(([file, text]) => ({
    file,
    bytes: new TextEncoder().encode(text),
  }))
  const { plan, resources, defines, diagnostics } = loadConfig(sources, { names: new Map() })
  assert.ok(plan, JSON.stringify(diagnostics))
  const table = openTable(buildTable(plan, 1, () => 0))
  return { table, resources, defines, snapshot: snapshotOf(plan, table, resources) }
}

export const between = (before: Parts, after: Parts, withSnapshot = true): Losses | null => {
  const [old, now] = [sideOf(before), sideOf(after)]
  return findLosses(withSnapshot ? old : { ...old, snapshot: null }, now, now.defines)
}

/** "lost default/shop tcp[0].match[0]: shop.example:9000 subset v1", one for each. */
export const told = (losses: Losses | null): string[] =>
  LOSS_KINDS.flatMap(kind =>
    (losses?.[kind].named ?? []).map(
      ({ name, missing }) => `${kind} ${name}${missing.length > 0 ? `: ${missing.join(', ')}` : ''}`,
    ),
  )

export const [ONE, TWO, REST] = ['tcp[0].match[0]', 'tcp[1].match[0]', 'tcp[2]'].map(
  place => `default/shop ${place}`,
)
export const [V1, V2] = ['v1', 'v2'].map(subset => `shop.example:9000 subset ${subset}`)

export const EDGE = 'default/edge 127.0.0.1:9000'

/** With an entry of `proxyProtocol` in the Settings. */
export const settings = (entry: string): Parts => ({
  ...FILES,
  'settings.yaml': `${FILES['settings.yaml'].trimEnd().slice(0, -1)},\n  proxyProtocol: [${entry}]}\n`,
})

/** With a PROXY header of this version to the destination. */
export const headed = (version: string): Parts => ({
  ...FILES,
  'subsets.yaml': `${FILES['subsets.yaml']}  trafficPolicy: {proxyProtocol: {version: ${version}}}\n`,
})
