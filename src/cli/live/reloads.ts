/**
 * `weir reloads`: what each reload changed, what it did, and which commit brought it.
 *
 *   reload 3  taken at 2026-11-29T08:12:03.000Z, generation 3
 *     commit  1a2b3c4d5e6f by Ann, 2026-11-29T08:10:00+01:00: gray to half  (config/vs.yaml)
 *     ~ default/echo tcp[2]  config/vs.yaml:36
 *         any → 80 % echo:9000 subset prod, 20 % echo:9000 subset gray
 *         any → 50 % echo:9000 subset prod, 50 % echo:9000 subset gray
 *       before  1 200 connections in 12 min, 0.1 % of dials failed, 0 % were reset; …
 *       after   300 connections in 3 min, 2 % of dials failed, 0 % were reset; …
 */

import { existsSync } from 'node:fs'
import { styleText } from 'node:util'
import { printable } from '../../base/printable.ts'
import { whereText } from '../../base/where-text.ts'
import { type Env, Exit, wantsColours } from '../env.ts'
import type { Client } from './client.ts'
import { type Commit, type Commits, commitAt, commitsOf } from './commits.ts'
import { countText, durationText, momentText, plural, shareText } from './format.ts'
import { placeText, type Rule } from './routes.ts'

export type ReloadsFlags = {
  readonly rule?: string
  readonly limit: number
  readonly output: 'text' | 'json'
}

type Period = {
  readonly seconds: number
  readonly connections: number
  readonly failedDials: number
  readonly ended: number
  readonly resets: number
  readonly shares: readonly { readonly destination: string; readonly connections: number }[]
} | null

type Effect = {
  readonly change: 'added' | 'removed' | 'changed'
  readonly before: string | null
  readonly after: string | null
  readonly periodBefore: Period
  readonly periodAfter: Period
}

type RuleEffect = Effect & { readonly rule: Rule['rule']; readonly was: Rule['rule'] | null }

type Reload = {
  readonly number: number
  readonly at: string
  readonly outcome: string
  readonly generation: number
  readonly errors: number
  readonly findings: readonly {
    file: string
    line: number
    code: string
    message: string
    severity: string
  }[]
  readonly note: string | null
  readonly reason: string | null
  readonly resources: Readonly<Record<'added' | 'changed' | 'removed', readonly string[]>>
  readonly files: readonly { readonly file: string; readonly blob: string | null }[]
  readonly did: {
    readonly rules: readonly RuleEffect[]
    readonly destinations: readonly (Effect & {
      readonly destination: string
      readonly policy: readonly {
        field: string
        before: string
        after: string
        file: string | null
        line: number | null
      }[]
    })[]
    readonly more: number
  } | null
}

/** With the commit of each changed file; null: not committed, or in no checkout on this machine. */
type Traced = Reload & { readonly files: readonly (Reload['files'][number] & { commit: Commit | null })[] }

/** More than a gateway keeps. */
const ALL = 1_000
const FINDINGS_MAX = 3

export async function reloads(
  client: Client,
  { rule, limit, output }: ReloadsFlags,
  env: Env,
): Promise<number> {
  const asked = { limit: rule === undefined ? Math.min(limit, ALL) : ALL }
  const answer = await client.get<{ reloads: Reload[] }>('/reloads', asked)
  const wanted = answer.reloads.filter(each => rule === undefined || changes(each, rule)).slice(0, limit)
  const traced: Traced[] = []
  const known = new Map<string, Commits>()
  for (const each of wanted) traced.push(await trace(each, known))
  const colours = wantsColours(env, env.stdout)
  env.stdout.write(
    output === 'json'
      ? traced.map(each => `${JSON.stringify(each)}\n`).join('')
      : traced.map(each => textOf(each, colours)).join('\n'),
  )
  return Exit.ok
}

const changes = ({ did }: Reload, wanted: string): boolean =>
  did?.rules.some(({ rule, was }) =>
    [rule, was].some(each => each && [each.virtualService, placeText(each)].includes(wanted)),
  ) ?? false

/** @param known  The commits of files that were asked for already. */
async function trace(reload: Reload, known: Map<string, Commits>): Promise<Traced> {
  const files = []
  for (const { file, blob } of reload.files) {
    if (blob !== null && !known.has(file))
      known.set(file, existsSync(file) ? await commitsOf(file) : new Map())
    const commits = known.get(file)
    const commit = commits && blob !== null ? commitAt(commits, blob, Date.parse(reload.at)) : null
    files.push({ file, blob, commit })
  }
  return { ...reload, files }
}

const SIGNS = { added: '+', removed: '-', changed: '~' } as const

function textOf(reload: Traced, colours: boolean): string {
  const { number, at, outcome, generation, note, reason, did, findings } = reload
  const head = `reload ${number}  ${outcome} ${momentText(at)}, generation ${generation}${outcome === 'taken' ? '' : ' stays'}`
  const painted = colours ? styleText('bold', head, { validateStream: false }) : head
  const lines = [
    ...(reason === null ? [] : [`  reason  ${reason}`]),
    ...(note === null ? [] : [`  ${note}`]),
    ...commitLines(reload),
    ...findings
      .filter(each => each.severity === 'error')
      .slice(0, FINDINGS_MAX)
      .map(({ file, line, code, message }) => `  ${whereText(file, line)}: ${code}: ${message}`),
    ...(did === null ? resourceLines(reload) : []),
    ...(did?.rules ?? []).flatMap(each =>
      effectLines(`${placeText(each.rule)}  ${whereText(each.rule.file, each.rule.line)}`, each),
    ),
    ...(did?.destinations ?? []).flatMap(each => [
      ...effectLines(`destination ${each.destination}`, each),
      ...each.policy.map(
        ({ field, before, after, file, line }) =>
          `      ${field}: ${before} → ${after}${file === null ? '' : `  ${whereText(file, line)}`}`,
      ),
    ]),
    ...(did && did.more > 0 ? [`  and ${countText(did.more)} more changes`] : []),
  ]
  return [painted, ...lines.map(printable)].map(line => `${line}\n`).join('')
}

/** One line for each commit, with its files. */
function commitLines({ files }: Traced): string[] {
  const byCommit = Map.groupBy(files, ({ commit }) => commit?.hash ?? '')
  return [...byCommit].map(([hash, of]) => {
    const names = `(${of.map(({ file }) => file).join(', ')})`
    const { commit } = of[0]
    return commit
      ? `  commit  ${hash.slice(0, 12)} by ${commit.author}, ${commit.at}: ${commit.subject}  ${names}`
      : `  files   ${names.slice(1, -1)}`
  })
}

const resourceLines = ({ resources }: Reload): string[] =>
  (['added', 'changed', 'removed'] as const).flatMap(change =>
    resources[change].length === 0 ? [] : [`  ${SIGNS[change]} ${resources[change].join(', ')}`],
  )

function effectLines(name: string, { change, before, after, periodBefore, periodAfter }: Effect): string[] {
  const texts = [before, after].filter((text, index, all) => text !== null && text !== all[index - 1])
  return [
    `  ${SIGNS[change]} ${name}`,
    ...texts.map(text => `      ${text}`),
    ...(periodBefore === null ? [] : [`    before  ${periodText(periodBefore)}`]),
    ...(periodAfter === null || change === 'removed' ? [] : [`    after   ${periodText(periodAfter)}`]),
  ]
}

function periodText({
  seconds,
  connections,
  failedDials,
  ended,
  resets,
  shares,
}: NonNullable<Period>): string {
  const counts = `${plural(connections, 'connection')} in ${durationText(seconds * 1000)}`
  if (connections === 0) return counts
  const failed = `${shareText(failedDials / connections)} of dials failed`
  const reset = ended === 0 ? '' : `, ${shareText(resets / ended)} were reset`
  const got = shares.map(each => `${shareText(each.connections / connections)} ${each.destination}`)
  return `${counts}, ${failed}${reset}${got.length === 0 ? '' : `; ${got.join(', ')}`}`
}
