/**
 * The name servers of resolv.conf, asked for one whole name and one family, as glibc does: each in
 * turn until one answers, and all of them `attempts` times. SERVFAIL and REFUSED are no answers.
 *
 * node:dns (c-ares) sends the question, asks again by TCP after a truncated answer, follows CNAMEs
 * and reports the shortest lifetime of the chain. It caches nothing.
 */

import { Resolver } from 'node:dns/promises'
import { type Family, formatAddress, parseAddress } from '../../address/address.ts'
import type { Failure, FamilyAnswer } from './answer.ts'
import { isUnspecified } from './hosts-file.ts'
import type { ResolvConf } from './resolv-conf.ts'

type Ask = { readonly address: string; readonly ttl: number }

export class NameServers {
  readonly #conf: ResolvConf
  readonly #resolvers: readonly Resolver[]
  readonly #extra = new Set<Resolver>()
  #turn = 0
  #closed = false

  constructor(conf: ResolvConf) {
    this.#conf = conf
    this.#resolvers = conf.servers.map(server => this.#open(server))
  }

  async ask(name: string, family: Family): Promise<FamilyAnswer> {
    const { servers, attempts, rotate } = this.#conf
    const from = rotate ? this.#turn++ : 0
    let failure: Failure = 'timeout'
    for (let attempt = 1; attempt <= attempts; attempt++) {
      for (const step of servers.keys()) {
        if (this.#closed) return { kind: 'failed', why: 'error' }
        const answer = await this.#askOne((from + step) % servers.length, name, family, attempt === attempts)
        if (answer.kind !== 'failed' || answer.why === 'invalid') return answer
        failure = answer.why
      }
    }
    return { kind: 'failed', why: failure }
  }

  close(): void {
    this.#closed = true
    for (const resolver of [...this.#resolvers, ...this.#extra]) resolver.cancel()
  }

  /**
   * c-ares waits less than the timeout for a server that used to be quick. The last attempt has a
   * resolver without such memory, so that it lasts as long as resolv.conf says.
   */
  async #askOne(index: number, name: string, family: Family, isLast: boolean): Promise<FamilyAnswer> {
    const resolver = isLast ? this.#open(this.#conf.servers[index]) : this.#resolvers[index]
    if (isLast) this.#extra.add(resolver)
    try {
      const records =
        family === 4
          ? await resolver.resolve4(name, { ttl: true })
          : await resolver.resolve6(name, { ttl: true })
      return found(records)
    } catch (error) {
      return without((error as NodeJS.ErrnoException).code ?? '')
    } finally {
      this.#extra.delete(resolver)
    }
  }

  #open(server: string): Resolver {
    const { timeoutMs } = this.#conf
    const resolver = new Resolver({ timeout: timeoutMs, maxTimeout: timeoutMs, tries: 1 })
    resolver.setServers([server])
    return resolver
  }
}

function found(records: readonly Ask[]): FamilyAnswer {
  const addresses = records.flatMap(({ address }) => {
    const parsed = parseAddress(address)
    return parsed === null || isUnspecified(parsed.words) ? [] : [formatAddress(parsed.family, parsed.words)]
  })
  if (addresses.length === 0) return { kind: 'none', why: 'nodata' }
  const ttlS = Math.max(0, Math.min(...records.map(({ ttl }) => ttl)))
  return { kind: 'found', addresses: [...new Set(addresses)], ttlS }
}

const without = (code: string): FamilyAnswer =>
  code === 'ENOTFOUND'
    ? { kind: 'none', why: 'nxdomain' }
    : code === 'ENODATA'
      ? { kind: 'none', why: 'nodata' }
      : { kind: 'failed', why: FAILURES[code] ?? 'error' }

/** Codes of node:dns. */
const FAILURES: Readonly<Record<string, Failure>> = {
  ESERVFAIL: 'servfail',
  EREFUSED: 'refused',
  ENOTIMP: 'refused',
  ETIMEOUT: 'timeout',
  ECONNREFUSED: 'unreachable',
  EBADNAME: 'invalid',
}
