/**
 * `weir why --log`: what an access log has of a client's connections, and where they would go by
 * files. It needs no gateway, so it also answers for one that has ended.
 */

import { ENDINGS } from '../access-log/endings.ts'
import { type Logged, readLine } from '../access-log/read-line.ts'
import { formatAddress, parseAddress, splitEndpoint } from '../address/address.ts'
import { type AddressFilter, addressFilter } from '../address/address-filter.ts'
import type { Sources } from '../source/files/files.ts'
import { REASONS } from '../stats/reasons.ts'
import { Explainer } from '../table/explain/explain.ts'
import { socketsAt } from '../table/explain/find-listener.ts'
import { askByOptions } from '../table/explain/question.ts'
import type { Table } from '../table/format/table.ts'
import { parseRuleName } from '../table/plan/rule-name.ts'
import { type Env, Exit } from './env.ts'
import { loadTable } from './explain-files.ts'
import { linesOfLog } from './lines-of.ts'
import { plural } from './live/format.ts'
import type { WhyFlags } from './live/why.ts'
import { type EndedOne, type LogRecord, type Now, type OnceOpen, questionOf, whyText } from './why-text.ts'

type Found = { readonly logged: Logged; readonly file: string; readonly line: number }

export async function whyLog(
  sources: Sources,
  logs: readonly string[],
  { client: who, limit, output }: WhyFlags,
  env: Env,
): Promise<number> {
  const isWanted = addressFilter(who)
  if (isWanted === null) return usage(`${who}: not an address, a range, or an address with port`, env)
  const latest = new Latest(limit)
  const counts = { lines: 0, read: 0 }
  const told = toldOf(who)
  for (const file of new Set(logs)) {
    try {
      let line = 0
      for await (const text of linesOfLog(file, env)) {
        line++
        counts.lines++
        const logged = text.includes(told) ? readLine(text) : null
        if (logged === null || logged === 'unknown') continue
        counts.read++
        if (isWanted(placeOf(logged.client))) latest.add({ logged, file, line })
      }
    } catch (error) {
      return usage(`--log ${file}: ${error instanceof Error ? error.message : String(error)}`, env)
    }
  }
  const found = latest.list()
  if (found.length === 0) {
    const none = counts.read === 0 && told === '' ? ', and none is of an access log' : ''
    env.stderr.write(`${who}: not in ${plural(counts.lines, 'line')} of ${logs.join(', ')}${none}\n`)
    return Exit.failed
  }
  const nowOf = askerOf(sources, env)
  const answers = found.map(each => {
    const connection = connectionOf(each.logged)
    const { file, line, logged } = each
    return { connection, record: { file, line, acceptedAt: logged.acceptedAt }, now: nowOf(connection) }
  })
  env.stdout.write(
    output === 'json'
      ? answers.map(each => `${JSON.stringify(asJson(each))}\n`).join('')
      : answers.map(each => whyText(each.connection, each.now, env, each.record)).join('\n'),
  )
  return answers.some(({ now }) => now === BROKEN) ? Exit.failed : Exit.ok
}

type LoggedOne = EndedOne | OnceOpen
type Answer = { readonly connection: LoggedOne; readonly record: LogRecord; readonly now: Now }

const asJson = ({ connection, record: { file, line }, now }: Answer) => ({
  connection,
  record: { file, line },
  now: typeof now === 'string' ? null : now,
})

/** What a line about the client has in it, so that others need not be read; of a range: nothing. */
function toldOf(who: string): string {
  const { address, port } = splitEndpoint(who) ?? { address: '', port: -1 }
  const parsed = parseAddress(address)
  if (parsed === null) return ''
  const text = formatAddress(parsed.family, parsed.words)
  return port < 0 ? text : `${text}${parsed.family === 6 ? ']' : ''}:${port}`
}

const placeOf = (text: string | null): Parameters<AddressFilter>[0] =>
  text === null ? null : splitEndpoint(text)

/** The connections that ended last, the latest first; of each, its last line, of whatever log. */
class Latest {
  readonly #most: number
  readonly #found = new Map<string, Found>()

  constructor(most: number) {
    this.#most = most
  }

  add(found: Found): void {
    const { acceptedAt, id, client } = found.logged
    const key = JSON.stringify([acceptedAt, id, client])
    const known = this.#found.get(key)
    if (known === undefined || !isLater(known.logged, found.logged)) this.#found.set(key, found)
    if (this.#found.size > 2 * this.#most + 1_000) this.#drop()
  }

  list(): Found[] {
    return this.#sorted().map(([, found]) => found)
  }

  #drop(): void {
    const kept = this.#sorted()
    this.#found.clear()
    for (const [key, found] of kept) this.#found.set(key, found)
  }

  /** A sort keeps the order of those that ended at the same time, so the later line is first. */
  #sorted(): [string, Found][] {
    const all = [...this.#found].reverse()
    return all.sort(([, a], [, b]) => toldAtMs(b.logged) - toldAtMs(a.logged)).slice(0, this.#most)
  }
}

/** Logs come in any order: an end is later than what was told of an open connection. */
function isLater(one: Logged, other: Logged): boolean {
  const [isEnd, otherIsEnd] = [one.reason !== null, other.reason !== null]
  return isEnd === otherIsEnd ? one.lastedMs > other.lastedMs : isEnd
}

const toldAtMs = ({ acceptedAt, lastedMs }: Logged): number => (Date.parse(acceptedAt ?? '') || 0) + lastedMs

/** As a gateway would tell of it. */
function connectionOf(logged: Logged): LoggedOne {
  const { reason, serverName, identity, acceptedAt, firstByteMs, deniedBy, errno, ...rest } = logged
  const { rule: _, writtenAt: __, ...way } = rest
  const at = new Date(toldAtMs(logged)).toISOString()
  const common = {
    ...way,
    acceptedAt,
    serverName: serverName || null,
    identity: identity || null,
    rule: originOf(logged),
    outcome: outcomeOf(logged),
  }
  if (reason === null) return { ...common, toldAt: at }
  return {
    ...common,
    reason,
    meaning: REASONS[reason],
    endedBy: ENDINGS[reason].by,
    errno,
    deniedBy,
    endedAt: at,
    firstByteMs: firstByteMs || null,
    lostBytes:
      logged.fromClientBytes - logged.toUpstreamBytes + logged.fromUpstreamBytes - logged.toClientBytes,
  }
}

function originOf({ rule, writtenAt }: Logged): EndedOne['rule'] {
  const name = rule === null ? null : parseRuleName(rule)
  if (name === null) return null
  const [, file = writtenAt ?? '', line = '0'] = /^(.*):(\d+)$/.exec(writtenAt ?? '') ?? []
  return { ...name, file, line: Number(line) }
}

function outcomeOf({ rule, reason }: Logged): string {
  if (rule === 'default' || rule === 'passthrough') return rule
  return rule !== null ? 'rule' : reason === 'denied' ? 'denied' : 'none'
}

const BROKEN = 'cannot be said: these files cannot be served'

/** Asks the files, whose findings go to stderr. */
function askerOf(sources: Sources, env: Env): (connection: LoggedOne) => Now {
  const loaded = loadTable(sources, env)
  if (loaded === null) return () => BROKEN
  const explainer = new Explainer(loaded.table)
  const known = new Map<string, Now>()
  return connection => {
    const found = gatewayOf(loaded.table, connection)
    if ('why' in found) return found.why
    const question = questionOf(connection, found.gateway)
    if (typeof question === 'string') return question
    return known.getOrInsertComputed(JSON.stringify(question), () => {
      const asked = askByOptions(question, '')
      return 'error' in asked ? asked.error : explainer.answer({ ...asked.question, gateway: found.gateway })
    })
  }
}

/** The one that accepted it. The text form does not name it, so it is the one that would now. */
function gatewayOf(table: Table, { listener, asked }: LoggedOne): { gateway: string } | { why: string } {
  if (listener !== null) return { gateway: listener.split(' ')[0] }
  const at = asked === null ? null : splitEndpoint(asked)
  if (at === null) return { gateway: '' }
  const sockets = socketsAt(table, { ip: at.address, port: at.port })
  const gateways = sockets.map(socket => table.sockets[socket].gateway)
  if (gateways.length === 0) return { why: `by the files: nothing listens at ${asked}` }
  if (gateways.length === 1) return { gateway: gateways[0] }
  return { why: `depends on the gateway, which the text form does not name: ${gateways.join(' or ')}` }
}

function usage(message: string, env: Env): number {
  env.stderr.write(`error: ${message}\n`)
  return Exit.usage
}
