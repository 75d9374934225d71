/**
 * An explanation for people.
 *
 *   route: default/echo tcp[0].match[0] matches
 *     listener  mesh *:19000
 *     client    namespace default, app=telnet-client
 *     rule      default/echo tcp[0].match[0]  config/rules.yaml:14
 *     to        80 %  echo-server.default.svc.cluster.local:19000 subset prod
 *                     127.0.20.1:9000
 *     rejected  default/echo tcp[1].match[0]  port: 19000 is not 9000
 */

import { styleText } from 'node:util'
import { printable } from '../base/printable.ts'
import type { ClusterEnd } from '../table/ends.ts'
import type { ExplainedDestination, Explanation } from '../table/explain.ts'
import { ruleName } from '../table/rule-name.ts'

/** Endpoints of one destination that are shown. */
const ENDPOINTS_MAX = 8
const MARGIN = 12

const OUTCOME_COLOURS = {
  route: 'green',
  default: 'green',
  passthrough: 'yellow',
  'no-route': 'red',
  denied: 'red',
} as const

/** What a gateway answers may be cut. */
type Answer = Explanation & { readonly rejectedCut?: boolean }

export function explanationText(answer: Answer | { readonly error: string }, colours: boolean): string {
  if ('error' in answer) return `error: ${printable(answer.error)}\n`
  const { rule, listener, client, ends } = answer
  const colour = ends === null ? OUTCOME_COLOURS[answer.outcome] : 'red'
  const outcome = colours
    ? styleText(['bold', colour], answer.outcome, { validateStream: false })
    : answer.outcome
  const labels = Object.entries(client.labels).map(([key, value]) => `${key}=${value}`)
  const lines = [
    ...field('listener', listener === null ? [] : [listener]),
    ...field('client', [[`namespace ${client.namespace ?? 'unknown'}`, ...labels].join(', ')]),
    ...field('rule', rule ? [`${ruleName(rule)}  ${rule.file}:${rule.line}`] : []),
    ...field('to', answer.destinations.flatMap(destinationLines)),
    ...field('ends', ends === null || ends === answer.outcome ? [] : [`reset, ${ends}`]),
    ...field('rejected', [
      ...answer.rejected.map(each => `${ruleName(each)}  ${each.because}`),
      ...(answer.rejectedCut ? ['and more: weir explain FILES tells all'] : []),
    ]),
  ]
  return `${[`${outcome}: ${printable(answer.reason)}`, ...lines.map(printable)].join('\n')}\n`
}

/** The first value beside the field's name, the others below it. */
const field = (name: string, values: readonly string[]): string[] =>
  values.map((value, index) => `${`  ${index === 0 ? name : ''}`.padEnd(MARGIN)}${value}`)

/** What is said in the place of endpoints where connections end instead. */
const ENDED: { readonly [end in ClusterEnd]: string } = {
  'unknown-destination': 'not defined',
  'no-endpoint': 'no endpoint',
  loop: "one of the gateway's own listeners",
}

function destinationLines({ host, subset, port, share, endpoints, ends }: ExplainedDestination): string[] {
  const percent = `${Number((share * 100).toFixed(2))} %`.padStart(5)
  const shown = endpoints.slice(0, ENDPOINTS_MAX)
  const more = endpoints.length > shown.length ? [`and ${endpoints.length - shown.length} more`] : []
  const below = ends === null ? [...shown, ...more] : [`${ENDED[ends]}: reset, ${ends}`]
  const name = `${host}:${port}${subset === null ? '' : ` subset ${subset}`}`
  return [`${percent}  ${name}`, ...below.map(each => `${' '.repeat(percent.length + 2)}${each}`)]
}
