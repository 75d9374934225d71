/**
 * Names as the machine means them: the hosts file, then `localhost`, then DNS by resolv.conf.
 *
 * Both files are looked at every two seconds, since containers replace them. IPv4 or IPv6 is not
 * asked for while the machine has no address of it beside loopback (AI_ADDRCONFIG, RFC 3493 §6.1).
 */

import { hostname, networkInterfaces } from 'node:os'
import type { Family } from '../../address/address.ts'
import { type Answer, FAMILIES, type FamilyAnswer, fixedAnswer, UNASKED } from './answer.ts'
import { FileText } from './file-text.ts'
import { type Hosts, type HostsEntry, parseHosts, plainName } from './hosts-file.ts'
import { NameServers } from './name-servers.ts'
import { parseResolvConf, type ResolvConf } from './resolv-conf.ts'
import { searched, wholeNames } from './search.ts'

export type SystemFiles = {
  readonly hostsFile?: string
  readonly resolvConf?: string
  /** The families of the machine's addresses. */
  readonly families?: () => readonly Family[]
}

/** Looks names up; for tests, another one may stand in its place. */
export type Lookup = {
  /**
   * @param last  The whole name that answered before; null: none did.
   */
  lookup(name: string, last: string | null): Promise<Answer>
  /** Reads what has changed; returns which names may have another answer. */
  refresh(): Promise<(name: string) => boolean>
  /** Name servers instead of those of resolv.conf; none: those. */
  useServers(servers: readonly string[]): void
  close(): void
}

const NOBODY = (): boolean => false
const EVERYBODY = (): boolean => true

/** RFC 6761 §6.3: names below localhost are loopback, whatever DNS says. */
const LOOPBACK: HostsEntry = { 4: ['127.0.0.1'], 6: ['::1'] }

export class SystemLookup implements Lookup {
  readonly #hostsFile: FileText
  readonly #resolvConf: FileText
  readonly #families: () => readonly Family[]
  #servers: readonly string[] = []
  #hosts: Hosts = new Map()
  #conf: ResolvConf = confOf('', [])
  #dns: NameServers | null = null
  #asked: readonly Family[] = FAMILIES
  /** What the parts above were made of. */
  #made = ''
  #closed = false

  constructor({
    hostsFile = '/etc/hosts',
    resolvConf = '/etc/resolv.conf',
    families = ownFamilies,
  }: SystemFiles = {}) {
    this.#hostsFile = new FileText(hostsFile)
    this.#resolvConf = new FileText(resolvConf)
    this.#families = families
  }

  async lookup(name: string, last: string | null): Promise<Answer> {
    const plain = plainName(name)
    const listed = this.#hosts.get(plain)
    if (listed) return fixedAnswer('hosts', plain, listed)
    if (isLocalhost(plain)) return fixedAnswer('localhost', plain, LOOPBACK)
    return searched(wholeNames(name, this.#conf), last, whole => this.#ask(whole))
  }

  async refresh(): Promise<(name: string) => boolean> {
    const [hostsChanged] = await Promise.all([this.#hostsFile.changed(), this.#resolvConf.changed()])
    if (this.#closed) return NOBODY
    const before = this.#hosts
    if (hostsChanged) this.#hosts = parseHosts(this.#hostsFile.text)
    if (this.#remake()) return EVERYBODY
    if (!hostsChanged) return NOBODY
    return name => isOther(before.get(plainName(name)), this.#hosts.get(plainName(name)))
  }

  useServers(servers: readonly string[]): void {
    this.#servers = servers
  }

  close(): void {
    this.#closed = true
    this.#dns?.close()
  }

  /** Takes over what resolv.conf, settings and machine say now; returns whether it differs. */
  #remake(): boolean {
    const conf = confOf(this.#resolvConf.text, this.#servers)
    const own = this.#families()
    const asked = (own.length === 0 ? FAMILIES : own).filter(family => family === 4 || !conf.noAaaa)
    const made = JSON.stringify({ conf, asked })
    if (made === this.#made && this.#dns) return false
    const isFirst = this.#dns === null
    this.#dns?.close()
    this.#dns = new NameServers(conf)
    this.#conf = conf
    this.#asked = asked
    this.#made = made
    return !isFirst
  }

  async #ask(whole: string): Promise<Answer> {
    const dns = this.#dns
    const [four, six] = await Promise.all(
      FAMILIES.map(
        async (family): Promise<FamilyAnswer> =>
          dns !== null && this.#asked.includes(family) ? dns.ask(whole, family) : UNASKED,
      ),
    )
    return { source: 'dns', asked: whole, families: { 4: four, 6: six } }
  }
}

function confOf(text: string, servers: readonly string[]): ResolvConf {
  const { LOCALDOMAIN, RES_OPTIONS } = process.env
  const conf = parseResolvConf(text, { hostname: hostname(), LOCALDOMAIN, RES_OPTIONS })
  return servers.length === 0 ? conf : { ...conf, servers }
}

const isLocalhost = (plain: string): boolean => plain === 'localhost' || plain.endsWith('.localhost')

const isOther = (before: HostsEntry | undefined, after: HostsEntry | undefined): boolean =>
  JSON.stringify(before) !== JSON.stringify(after)

/** Link-local addresses reach no endpoint beyond the link. */
function ownFamilies(): readonly Family[] {
  const interfaces = Object.values(networkInterfaces()).flatMap(list => list ?? [])
  const outward = interfaces.filter(({ internal, address }) => !internal && !/^fe[89ab]/i.test(address))
  return FAMILIES.filter(family => outward.some(each => each.family === `IPv${family}`))
}
