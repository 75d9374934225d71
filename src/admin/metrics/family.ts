/**
 * A metric that is read on scrape, and its text format.
 *
 * prom-client's counters hold their values. weir's values are already in shared memory, so here a
 * metric is a name and a function. This module also writes the text, since a metric may have two
 * thousand series: in pieces (base/turns.ts), with the labels of each object encoded once.
 *
 * The format: https://prometheus.io/docs/instrumenting/exposition_formats, text version 0.0.4.
 */

export type Labels = Readonly<Record<string, string | number>>
/** `suffix`: for the parts of a histogram. */
export type Value = { readonly value: number; readonly labels?: Labels; readonly suffix?: string }

export type Family = {
  readonly name: string
  readonly help: string
  readonly type: 'counter' | 'gauge' | 'histogram'
  readonly read: () => readonly Value[]
}

export const counter = (name: string, help: string, read: Family['read']): Family => ({
  name,
  help,
  type: 'counter' as const,
  read,
})

export const gauge = (name: string, help: string, read: Family['read']): Family => ({
  name,
  help,
  type: 'gauge' as const,
  read,
})

/** One value without labels. */
export const single = (value: number): readonly Value[] => [{ value }]

/** Lines written before it checks the clock again. */
const STEP = 64

/** The families in Prometheus' text format, in parts. */
export function* textOf(families: readonly Family[]): Generator<void, Buffer> {
  const parts: Buffer[] = []
  let text = ''
  for (const { name, help, type, read } of families) {
    text += `# HELP ${name} ${escaped(help)}\n# TYPE ${name} ${type}\n`
    let line = 0
    for (const { value, labels, suffix = '' } of read()) {
      text += `${name}${suffix}${labels === undefined ? '' : labelsText(labels)} ${valueText(value)}\n`
      if (++line % STEP !== 0) continue
      parts.push(Buffer.from(text))
      text = ''
      yield
    }
    yield
  }
  return Buffer.concat([...parts, Buffer.from(text)])
}

const texts = new WeakMap<Labels, string>()

function labelsText(labels: Labels): string {
  const known = texts.get(labels)
  if (known !== undefined) return known
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${quoted(String(value))}"`)
  const text = `{${pairs.join(',')}}`
  texts.set(labels, text)
  return text
}

const escaped = (text: string): string => text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n')
const quoted = (text: string): string => (/[\\\n"]/.test(text) ? escaped(text).replaceAll('"', '\\"') : text)

const valueText = (value: number): string =>
  Number.isFinite(value) ? String(value) : Number.isNaN(value) ? 'NaN' : value > 0 ? '+Inf' : '-Inf'
