/** `weir status`: the state of a running gateway. */

import { printable } from '../../base/printable.ts'
import { stateText } from '../../control/readiness.ts'
import { type Env, Exit } from '../env.ts'
import type { Client } from './client.ts'
import { bytesText, columns, countText, durationText, momentText, plural } from './format.ts'
import { failingText } from './names.ts'

/** From /summary. */
export type Summary = {
  readonly version: string
  readonly engine: string
  readonly workers: number
  readonly monotonicMs: number
  readonly uptimeS: number
  readonly generation: number
  readonly configuration: string
  readonly endpointsRevision: number
  readonly clientsRevision: number
  readonly names: Readonly<Record<string, number>>
  readonly ready: boolean
  readonly why: string | null
  readonly draining: boolean
  readonly maxConnections: number
  readonly counters: Readonly<Record<string, number>>
  readonly closed: Readonly<Record<string, number>>
  readonly lastReload: {
    readonly number: number
    readonly at: string
    readonly outcome: string
    readonly errors: number
    readonly warnings: number
  }
}

type Listeners = {
  readonly listeners: readonly {
    readonly listener: string
    readonly failures: readonly { readonly worker: number; readonly code: string }[]
  }[]
}

type Workers = {
  readonly workers: readonly {
    readonly worker: number
    readonly state: string
    readonly generation: number
    readonly counters: Readonly<Record<string, number>>
  }[]
}

export async function status(client: Client, output: 'text' | 'json', env: Env): Promise<number> {
  const [summary, { listeners }, { workers }] = await Promise.all([
    client.get<Summary>('/summary'),
    client.get<Listeners>('/listeners'),
    client.get<Workers>('/workers'),
  ])
  const text =
    output === 'json'
      ? JSON.stringify({ ...summary, listeners, workers }, null, 2)
      : statusLines(summary, listeners, workers).map(printable).join('\n')
  env.stdout.write(`${text}\n`)
  return summary.ready ? Exit.ok : Exit.failed
}

function statusLines(
  summary: Summary,
  listeners: Listeners['listeners'],
  workers: Workers['workers'],
): string[] {
  const { version, engine, generation, uptimeS, maxConnections, counters, closed, lastReload } = summary
  const { number, at, outcome, errors, warnings } = lastReload
  const reasons = Object.entries(closed)
    .filter(([, count]) => count > 0)
    .sort(([, a], [, b]) => b - a)
  const workerRows = workers.map(each => [
    String(each.worker),
    each.state,
    `generation ${each.generation}`,
    `${countText(each.counters.open)} open`,
    `${countText(each.counters.accepted)} accepted`,
  ])
  return [
    `${stateText(summary)}: weir ${version}, engine ${engine}, generation ${generation}, up ${durationText(uptimeS * 1000)}`,
    ...field('connections', [
      `${countText(counters.open)} open of at most ${countText(maxConnections)}, ${countText(counters.accepted)} accepted`,
    ]),
    ...field('ended', [
      reasons.map(([reason, count]) => `${reason} ${countText(count)}`).join(', ') || 'none',
    ]),
    ...field('bytes', [
      `${bytesText(counters.clientBytes)} from clients, ${bytesText(counters.upstreamBytes)} from upstreams`,
    ]),
    ...field('reload', [
      `number ${number}, ${outcome} ${momentText(at)}, ${plural(errors, 'error')}, ${plural(warnings, 'warning')}`,
    ]),
    ...field('endpoints', revisionText(summary.endpointsRevision)),
    ...field('names', namesText(summary.names)),
    ...field('clients', revisionText(summary.clientsRevision)),
    ...field('workers', columns(workerRows)),
    ...field(
      'listeners',
      listeners.map(each => [each.listener, ...each.failures.map(failureText)].join('  ')),
    ),
  ]
}

/** Only if something has changed since the generation was published. */
const revisionText = (revision: number): string[] =>
  revision === 0 ? [] : [`revision ${revision} of this generation`]

/** Only if there are any. */
function namesText(states: Readonly<Record<string, number>>): string[] {
  const found = Object.entries(states).filter(([, count]) => count > 0)
  const text = found.map(([state, count]) => `${countText(count)} ${state}`).join(', ')
  return text === '' ? [] : [failingText(states) === '' ? text : `${text}; see weir names`]
}

const failureText = ({ worker, code }: { worker: number; code: string }): string =>
  `NOT OPEN at worker ${worker}: ${code}`

/** The first value beside the field's name, the others below it. */
const field = (name: string, values: readonly string[]): string[] =>
  values.map((value, index) => `  ${(index === 0 ? name : '').padEnd(13)}${value}`)
