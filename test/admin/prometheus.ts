/** Reads Prometheus' text format as strictly as it is written down, and finds values in it. */

import assert from 'node:assert/strict'

export type Sample = {
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
}

const LINE = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (NaN|[+-]?Inf|[-+.\deE]+)$/
const LABEL = /^([a-zA-Z_]\w*)="((?:[^"\\\n]|\\["\\n])*)"(?:,|$)/

/**
 * Every sample; a line that is none, a sample without a type, and a series that is there twice
 * fail.
 */
export function parseMetrics(text: string): Sample[] {
  const types = new Map<string, string>()
  const seen = new Set<string>()
  assert.ok(text.endsWith('\n'))
  return text.split('\n').flatMap(line => {
    const comment = /^# (HELP|TYPE) (\S+) (.+)$/.exec(line)
    if (comment?.[1] === 'TYPE') {
      assert.ok(!types.has(comment[2]), line)
      types.set(comment[2], comment[3])
    }
    if (comment || line === '') return []
    const [, name, labels = '', value] = LINE.exec(line) ?? assert.fail(`no sample: ${line}`)
    assert.ok(types.has(name) || types.has(name.replace(/_(bucket|sum|count)$/, '')), line)
    const key = line.slice(0, line.lastIndexOf(' '))
    assert.ok(!seen.has(key), `twice: ${line}`)
    seen.add(key)
    return [{ name, labels: parseLabels(labels), value: Number(value.replace('Inf', 'Infinity')) }]
  })
}

function parseLabels(text: string): Record<string, string> {
  const found: Record<string, string> = {}
  for (let rest = text; rest !== ''; ) {
    const [all, name, value] = LABEL.exec(rest) ?? assert.fail(`no labels: ${rest}`)
    found[name] = value.replace(/\\(.)/g, (_, escaped) => (escaped === 'n' ? '\n' : escaped))
    rest = rest.slice(all.length)
  }
  return found
}

/** The sum of all samples of this name that have these labels. */
export function amount(
  samples: readonly Sample[],
  name: string,
  labels: Readonly<Record<string, string>> = {},
): number {
  const found = samples.filter(
    each => each.name === name && Object.entries(labels).every(([key, value]) => each.labels[key] === value),
  )
  return found.reduce((sum, each) => sum + each.value, 0)
}
