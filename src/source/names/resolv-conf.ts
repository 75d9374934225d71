/**
 * resolv.conf(5), as glibc reads it: name servers, search list and options.
 *
 * A name server may have a port, as `[10.0.0.1]:5353` (OpenBSD's form). Of the options, `rotate`,
 * `no-aaaa`, `ndots`, `timeout` and `attempts` count; node:dns cannot do the others.
 */

import { parseAddress } from '../../address/address.ts'

/** glibc's limits: MAXNS, RES_MAXNDOTS, RES_MAXRETRANS and RES_MAXRETRY of resolv.h. */
const SERVERS_MAX = 3
const NDOTS_MAX = 15
const TIMEOUT_S_MAX = 30
const ATTEMPTS_MAX = 5
/** glibc has no limit since 2.26; each domain costs a question. */
const SEARCH_MAX = 32

export type ResolvConf = {
  /** As node:dns wants them: an address, or `[address]:port`. */
  readonly servers: readonly string[]
  /** Domains without a dot at the end. */
  readonly search: readonly string[]
  /** A name with at least as many dots is first asked for as it is. */
  readonly ndots: number
  readonly timeoutMs: number
  readonly attempts: number
  /** Each question begins with another server. */
  readonly rotate: boolean
  readonly noAaaa: boolean
}

/** What glibc takes from elsewhere. */
type ResolvEnvironment = {
  readonly hostname: string
  /** Replaces the search list. */
  readonly LOCALDOMAIN?: string | undefined
  /** Further options. */
  readonly RES_OPTIONS?: string | undefined
}

export function parseResolvConf(text: string, environment: ResolvEnvironment): ResolvConf {
  const servers: string[] = []
  let search = domainsOf(domainOf(environment.hostname))
  let options: string[] = []
  for (const line of text.split('\n')) {
    const [keyword, ...words] = line.split(/[ \t\r]+/).filter((word, index) => index === 0 || word !== '')
    if (keyword === 'nameserver' && isServer(words[0])) servers.push(words[0])
    else if (keyword === 'domain') search = domainsOf(words.slice(0, 1))
    else if (keyword === 'search') search = domainsOf(words)
    else if (keyword === 'options') options = [...options, ...words]
  }
  const { LOCALDOMAIN, RES_OPTIONS } = environment
  if (LOCALDOMAIN) search = domainsOf(LOCALDOMAIN.split(/\s+/))
  options = [...options, ...(RES_OPTIONS ?? '').split(/\s+/)]
  const number = (name: string, byDefault: number, max: number): number =>
    Math.min(max, numberOf(options, name) ?? byDefault)
  return {
    servers: servers.length === 0 ? ['127.0.0.1'] : servers.slice(0, SERVERS_MAX),
    search: search.slice(0, SEARCH_MAX),
    ndots: number('ndots', 1, NDOTS_MAX),
    timeoutMs: Math.max(1, number('timeout', 5, TIMEOUT_S_MAX)) * 1000,
    attempts: Math.max(1, number('attempts', 2, ATTEMPTS_MAX)),
    rotate: options.includes('rotate'),
    noAaaa: options.includes('no-aaaa'),
  }
}

/** What glibc searches if the file names no domain: that of the machine. */
function domainOf(hostname: string): string[] {
  const dot = hostname.indexOf('.')
  return dot < 0 ? [] : [hostname.slice(dot + 1)]
}

const domainsOf = (words: readonly string[]): string[] =>
  words.map(word => word.toLowerCase().replace(/\.$/, '')).filter(word => word !== '')

function isServer(text: string | undefined): text is string {
  if (text === undefined) return false
  const [, inBrackets = text, port = '53'] = /^\[([^\]]+)\]:(\d{1,5})$/.exec(text) ?? []
  const [address = '', zone] = inBrackets.split('%')
  return parseAddress(address) !== null && zone !== '' && Number(port) > 0 && Number(port) <= 65535
}

/** The last one counts. */
function numberOf(options: readonly string[], name: string): number | null {
  const pattern = new RegExp(`^${name}:(\\d+)$`)
  const written = options.map(option => pattern.exec(option)?.[1]).findLast(each => each !== undefined)
  return written === undefined ? null : Number(written)
}
