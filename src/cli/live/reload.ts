/**
 * `weir reload`: makes a gateway read its files again, and prints the outcome.
 *
 *   guarded: generation 1 stays
 *     2 rules, 41 connections open, 120 in the last minute
 *     config/virtual-service.yaml:36: CFG470: default/echo tcp[2] would reset …
 *     to take it as it is: weir reload --accept 5fe1…
 */

import { printable } from '../../base/printable.ts'
import { whereText } from '../../base/where-text.ts'
import { type Env, Exit } from '../env.ts'
import type { Client } from './client.ts'
import { countText } from './format.ts'

export type ReloadFlags = {
  readonly accept?: string
  readonly reason?: string
  readonly output: 'text' | 'json'
}

export type Reload = {
  readonly outcome: 'taken' | 'unchanged' | 'refused' | 'guarded' | 'emptied' | 'failed'
  readonly generation: number
  readonly checksum: string | null
  readonly note: string | null
  readonly findings: readonly {
    readonly code: string
    readonly severity: string
    readonly message: string
    readonly file: string
    readonly line: number
  }[]
}

/** Findings shown; /reloads has the rest. */
const FINDINGS_MAX = 20

export async function reload(client: Client, { output, ...asked }: ReloadFlags, env: Env): Promise<number> {
  const answer = await client.send<Reload>('POST', '/reload', asked)
  env.stdout.write(output === 'json' ? `${JSON.stringify(answer, null, 2)}\n` : textOf(answer))
  return answer.outcome === 'taken' || answer.outcome === 'unchanged' ? Exit.ok : Exit.failed
}

export function textOf({ outcome, generation, checksum, note, findings }: Reload): string {
  const verb = { taken: 'is served', unchanged: 'equals the files' }[outcome as string] ?? 'stays'
  const told = findings.filter(each => each.severity !== 'info')
  const lines = [
    `${outcome}: generation ${generation} ${verb}`,
    ...(note === null ? [] : [`  ${note}`]),
    ...told
      .slice(0, FINDINGS_MAX)
      .map(({ file, line, code, message }) => `  ${whereText(file, line)}: ${code}: ${message}`),
    ...(told.length > FINDINGS_MAX ? [`  and ${countText(told.length - FINDINGS_MAX)} more`] : []),
    ...(outcome === 'guarded' ? [`  to take it as it is: weir reload --accept ${checksum}`] : []),
  ]
  return lines.map(line => `${printable(line)}\n`).join('')
}
