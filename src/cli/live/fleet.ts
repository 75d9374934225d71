/**
 * `weir status --fleet`: many gateways seen as one. Who is ready, who serves another configuration,
 * and which shares they have delivered together.
 */

import { lookup } from 'node:dns/promises'
import { printable } from '../../base/printable.ts'
import { DEFAULT_ADMIN } from '../../config/settings/settings.ts'
import { type AdminPlace, formatAdminPlace, parseAdminPlace } from '../admin-place.ts'
import { type Env, Exit } from '../env.ts'
import { NoAnswer } from './answered.ts'
import { type Client, clientOf } from './client.ts'
import { type FleetRule, fleetShares, shareLines } from './fleet-shares.ts'
import { columns, countText, durationText, plural } from './format.ts'
import type { Routes, Rule } from './routes.ts'
import { type Summary, stateText } from './status.ts'

/** Rules that are asked for at once. */
const PAGE = 1_000

type Replica = { readonly place: string } & (
  | { readonly summary: Summary; readonly rules: readonly Rule[] }
  | { readonly error: string }
)
type Answering = Extract<Replica, { summary: Summary }>

export async function fleet(hosts: string, output: 'text' | 'json', env: Env): Promise<number> {
  const places = await placesOf(hosts)
  const replicas = await Promise.all(places.map(place => askOne(place, env)))
  const answering = replicas.filter(each => 'summary' in each)
  const common = commonOf(answering)
  const rules = fleetShares(answering.filter(each => each.summary.configuration === common))
  const odd = replicas.filter(each => whyOdd(each, answering, common) !== null)
  env.stdout.write(
    output === 'json'
      ? `${JSON.stringify(jsonOf(replicas, answering, common, rules), null, 2)}\n`
      : [...lines(replicas, answering, common), ...shareLines(rules, answering.length)]
          .map(line => `${printable(line)}\n`)
          .join(''),
  )
  return odd.length === 0 ? Exit.ok : Exit.failed
}

/** "10.0.0.1:15021,gateways.svc": a name stands for every address that it has. */
async function placesOf(hosts: string): Promise<AdminPlace[]> {
  const places: AdminPlace[] = []
  for (const text of hosts.split(',').map(each => each.trim())) {
    if (text === '') continue
    const written = parseAdminPlace(text) ?? parseAdminPlace(`${text}:${DEFAULT_ADMIN.port}`)
    places.push(...(written ? [written] : await resolved(text)))
  }
  const unique = new Map(places.map(each => [formatAdminPlace(each), each]))
  if (unique.size === 0) throw new NoAnswer('--fleet names nobody: write host,host', Exit.usage)
  return [...unique.values()]
}

async function resolved(text: string): Promise<AdminPlace[]> {
  const [, host = text, port = String(DEFAULT_ADMIN.port)] = /^(.+?)(?::(\d{1,5}))?$/.exec(text) ?? []
  try {
    const found = await lookup(host, { all: true })
    return found.map(({ address }) => ({ address, port: Number(port), socket: '' }))
  } catch (error) {
    throw new NoAnswer(`${host} has no address (${(error as NodeJS.ErrnoException).code})`)
  }
}

async function askOne(place: AdminPlace, env: Env): Promise<Replica> {
  const name = formatAdminPlace(place)
  try {
    const client = clientOf(place, env)
    const [summary, rules] = await Promise.all([client.get<Summary>('/summary'), weighted(client)])
    return { place: name, summary, rules }
  } catch (error) {
    if (!(error instanceof NoAnswer)) throw error
    return { place: name, error: error.message }
  }
}

/** Rules with several destinations: of others there is no share to tell. */
async function weighted(client: Client): Promise<Rule[]> {
  const rules: Rule[] = []
  let cursor: string | undefined
  do {
    const page: Routes = await client.get('/routes', { show: 'weighted', limit: PAGE, cursor })
    rules.push(...page.rules)
    cursor = page.next ?? undefined
  } while (cursor !== undefined)
  return rules
}

/** The configuration of most; of as many, the one that was taken last. */
function commonOf(answering: readonly Answering[]): string | null {
  const groups = [...Map.groupBy(answering, each => each.summary.configuration)]
  const newest = (group: readonly Answering[]): string =>
    group
      .map(each => each.summary.lastReload.at)
      .toSorted()
      .at(-1) ?? ''
  const [first] = groups.toSorted(
    ([, left], [, right]) => right.length - left.length || (newest(right) > newest(left) ? 1 : -1),
  )
  return first?.[0] ?? null
}

/** Why a replica is not as it should be; null: it is. */
function whyOdd(replica: Replica, answering: readonly Answering[], common: string | null): string | null {
  if ('error' in replica) return replica.error
  const { summary } = replica
  const texts = summary.ready ? [] : [stateText(summary)]
  if (summary.configuration !== common) {
    const others = answering.filter(each => each.summary.configuration === common).length
    texts.push(`configuration ${summary.configuration}, where ${others} have ${common}`)
  }
  return texts.length === 0 ? null : texts.join('; ')
}

function lines(
  replicas: readonly Replica[],
  answering: readonly Answering[],
  common: string | null,
): string[] {
  const ready = answering.filter(each => each.summary.ready).length
  const same = answering.filter(each => each.summary.configuration === common).length
  const open = answering.reduce((sum, each) => sum + each.summary.counters.open, 0)
  const accepted = answering.reduce((sum, each) => sum + each.summary.counters.accepted, 0)
  const rows = replicas.map(replica => {
    const why = whyOdd(replica, answering, common)
    const row = [why === null ? '' : '!', replica.place]
    if ('error' in replica) return [...row, 'no answer', '', '', '', '', '', replica.error]
    const { version, generation, configuration, uptimeS, counters } = replica.summary
    return [
      ...row,
      stateText(replica.summary),
      `weir ${version}`,
      `configuration ${configuration}`,
      `generation ${generation}`,
      `up ${durationText(uptimeS * 1000)}`,
      `${countText(counters.open)} open`,
      configuration === common ? '' : `others have ${common}`,
    ]
  })
  return [
    `${plural(replicas.length, 'replica')}: ${ready} ready, ${same} with configuration ${common ?? 'unknown'}, ${countText(open)} open, ${countText(accepted)} accepted`,
    ...columns(rows).map(line => `  ${line.trimEnd()}`),
  ]
}

const jsonOf = (
  replicas: readonly Replica[],
  answering: readonly Answering[],
  common: string | null,
  rules: readonly FleetRule[],
) => ({
  configuration: common,
  replicas: replicas.map(replica => ({
    place: replica.place,
    why: whyOdd(replica, answering, common),
    ...('summary' in replica ? { summary: replica.summary } : {}),
  })),
  rules,
})
