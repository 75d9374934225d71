/**
 * `weir diff`: compares files with the served configuration.
 *
 *   + default/echo tcp[0]          sourceSubnet 10.0.0.0/8 → 100 % a.example:9000
 *   ~ default/echo tcp[1]          any → 80 % a.example:9000, 20 % b.example:9000
 *                                  any → 50 % a.example:9000, 50 % b.example:9000
 *   of 120 connections 20 would go elsewhere …
 */

import { styleText } from 'node:util'
import { printable } from '../../base/printable.ts'
import { whereText } from '../../base/where-text.ts'
import type { ApiEntry } from '../../config/api-objects.ts'
import type { Diagnostic } from '../../config/findings/diagnostic.ts'
import { renderText } from '../../config/findings/render.ts'
import { withoutSecrets } from '../../config/text/secret-text.ts'
import { readSources, type SourceFile, type Sources } from '../../source/files/files.ts'
import { sourcesOf } from '../check.ts'
import { type Env, Exit, wantsColours } from '../env.ts'
import { NoAnswer } from './answered.ts'
import type { Client } from './client.ts'
import { countText } from './format.ts'
import { placeText, type Rule } from './routes.ts'

export type DiffFlags = { readonly output: 'text' | 'json' }

type Change = {
  readonly change: 'added' | 'removed' | 'changed'
  readonly before: string | null
  readonly after: string | null
}

/** A difference, with file and line. */
type Said = {
  readonly before: string
  readonly after: string
  readonly file: string | null
  readonly line: number | null
}

type Move = {
  readonly connections: number
  readonly fate: string
  readonly rule: string | null
  readonly from: string
  readonly to: readonly string[]
}

type Diff = {
  readonly valid: boolean
  readonly findings: readonly (Omit<Diagnostic, 'resource' | 'field'> & {
    readonly resource: string | null
    readonly field: string | null
  })[]
  readonly changes: {
    readonly listeners: {
      readonly added: readonly string[]
      readonly removed: readonly string[]
      readonly changed: readonly (Said & { readonly listener: string })[]
    }
    readonly rules: {
      readonly added: number
      readonly removed: number
      readonly changed: number
      readonly reordered: number
      readonly list: readonly (Change & { readonly rule: Rule['rule'] })[]
    }
    readonly destinations: readonly (Change & {
      readonly destination: string
      readonly policy: readonly (Said & { readonly field: string })[]
    })[]
    readonly policies: readonly (Change & {
      readonly policy: string
      readonly file: string
      readonly line: number
    })[]
    readonly connections: Readonly<Record<'open' | 'same', number>> & { readonly moves: readonly Move[] }
  } | null
}

export async function diff(
  client: Client,
  sources: Sources,
  { output }: DiffFlags,
  env: Env,
): Promise<number> {
  const { files, unread } = readSources(sources)
  for (const { folder, files } of unread)
    env.stderr.write(
      printable(`warning: ${folder}: ${files.length} YAML files in folders below are not read; add -R\n`),
    )
  const objects = sources.objects && sentObjects(sources.objects)
  const answer = await client.send<Diff>('POST', '/diff', { files: files.map(asText), objects })
  if (output === 'json') env.stdout.write(`${JSON.stringify(answer, null, 2)}\n`)
  else writeText(answer, files, env)
  return answer.valid ? Exit.ok : Exit.failed
}

/** What the cluster has, without Secrets: no key is sent. */
const sentObjects = (entries: readonly ApiEntry[]) =>
  entries.map(each => each.object).filter(({ kind }) => kind !== 'Secret')

function asText({ file, bytes }: SourceFile): { path: string; text: string } {
  if (bytes instanceof Error) throw new NoAnswer(`${file}: ${bytes.message}`)
  return { path: file, text: withoutSecrets(new TextDecoder().decode(bytes)) } // no key is sent
}

function writeText({ valid, findings, changes }: Diff, files: readonly SourceFile[], env: Env): void {
  const colours = wantsColours(env, env.stdout)
  if (findings.length > 0 || changes === null) {
    const list = findings.map(({ resource, field, ...rest }) => ({
      ...rest,
      ...(resource === null ? {} : { resource }),
      ...(field === null ? {} : { field }),
    }))
    env.stdout.write(`${renderText(list, { sourceOf: sourcesOf(files), colours })}\n`)
  }
  if (valid && changes)
    env.stdout.write(
      changeLines(changes, colours)
        .map(line => `${line}\n`)
        .join(''),
    )
}

const SIGNS = { added: '+', removed: '-', changed: '~' } as const
const COLOURS = { added: 'green', removed: 'red', changed: 'yellow' } as const

function changeLines(changes: NonNullable<Diff['changes']>, colours: boolean): string[] {
  const { listeners, rules, destinations, policies, connections } = changes
  const paint = (change: Change['change'], text: string): string =>
    colours ? styleText(COLOURS[change], printable(text), { validateStream: false }) : printable(text)
  const both = (name: string, { change, before, after }: Change): string[] => [
    paint(change, `${SIGNS[change]} ${name}`),
    ...[before, change === 'changed' ? after : (after ?? null)].flatMap((text, index) =>
      text === null || (index === 1 && text === before) ? [] : [printable(`    ${text}`)],
    ),
  ]
  const told = rules.added + rules.removed + rules.changed
  return [
    ...listeners.added.map(each => paint('added', `+ listener ${each}`)),
    ...listeners.removed.map(each => paint('removed', `- listener ${each}`)),
    ...listeners.changed.flatMap(each => [
      paint('changed', `~ listener ${each.listener}${placed(each)}`),
      ...[each.before, each.after].map(text => printable(`    ${text}`)),
    ]),
    ...rules.list.flatMap(each =>
      both(`${placeText(each.rule)}  ${whereText(each.rule.file, each.rule.line)}`, each),
    ),
    ...(told > rules.list.length ? [`and ${told - rules.list.length} more rules`] : []),
    ...destinations.flatMap(each => [
      ...both(`destination ${each.destination}`, each),
      ...each.policy.map(it => printable(`    ${it.field}: ${it.before} → ${it.after}${placed(it)}`)),
    ]),
    ...policies.flatMap(each => both(`policy ${each.policy}  ${whereText(each.file, each.line)}`, each)),
    `rules: ${rules.added} added, ${rules.removed} removed, ${rules.changed} changed, ${rules.reordered} in another order`,
    ...connectionLines(connections),
  ]
}

const placed = ({ file, line }: Said): string => (file === null ? '' : `  ${whereText(file, line)}`)

function connectionLines({ open, same, moves }: NonNullable<Diff['changes']>['connections']): string[] {
  return [
    `live connections: ${countText(open)} open, ${countText(open - same)} would move`,
    ...moves.map(({ connections, fate, rule, from, to }) => {
      const where = fate === 'elsewhere' ? to.join(' or ') : fate
      return printable(`    ${countText(connections)}  ${rule ?? 'no rule'}  ${from} → ${where}`)
    }),
  ]
}
