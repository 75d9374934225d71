/**
 * The lists of candidates (../match/authorize.ts): by key and prefix, and of many at one prefix
 * those that ask for ports by port, too. So of ten thousand policies for a port each as few are
 * tried as of ten thousand for an address each.
 */

import { PairIndexBuilder } from '../format/pair-index.ts'
import type { AccessRule, Test } from '../plan/access.ts'
import type { PrefixId } from './node-set.ts'

/** Fewer are tried sooner than looked up. */
const BY_PORT_LEAST = 8
/** A candidate stands in the list of each of its ports. */
const PORTS_MAX = 64

type Candidate = {
  /** As in the list: access-layout.ts. */
  readonly words: readonly number[]
  /** It matches at no other port; null: that is not known. */
  readonly ports: readonly number[] | null
}

export class AccessLists {
  /** By key, then by prefix: ascending by row. */
  readonly #lists = new Map<number, Map<PrefixId, Candidate[]>>()

  add(key: number, prefixes: readonly PrefixId[], candidate: Candidate): void {
    const byPrefix = this.#lists.getOrInsertComputed(key, () => new Map())
    for (const prefix of prefixes) byPrefix.getOrInsertComputed(prefix, () => []).push(candidate)
  }

  /**
   * @param nodes    Of each prefix.
   * @param freeKey  Above every key that was added.
   */
  finish(nodes: ArrayLike<number>, freeKey: number): { index: Uint32Array; lists: Uint32Array } {
    const index = new PairIndexBuilder()
    const lists: number[] = []
    const put = (key: number, at: number, candidates: readonly Candidate[], portKey: number): void => {
      index.add(key, at, lists.length)
      lists.push(candidates.length, portKey)
      for (const { words } of candidates) for (const word of words) lists.push(word)
    }
    let portKey = freeKey
    for (const [key, byPrefix] of this.#lists)
      for (const [prefix, all] of byPrefix) {
        const byPort = portsOf(all)
        put(
          key,
          nodes[prefix],
          byPort === null ? all : all.filter(each => !isByPort(each)),
          byPort ? portKey : 0,
        )
        for (const [port, own] of byPort ?? []) put(portKey, port, own, 0)
        if (byPort) portKey++
      }
    return { index: index.finish(), lists: Uint32Array.from(lists) }
  }
}

/** The candidates of each port; null: they are too few for lists of their own. */
function portsOf(candidates: readonly Candidate[]): Map<number, Candidate[]> | null {
  const some = candidates.filter(isByPort)
  if (some.length < BY_PORT_LEAST) return null
  const byPort = new Map<number, Candidate[]>()
  for (const each of some)
    for (const port of new Set(each.ports)) byPort.getOrInsertComputed(port, () => []).push(each)
  return byPort
}

const isByPort = ({ ports }: Candidate): boolean => ports !== null && ports.length <= PORTS_MAX

/** The only ports at which a rule can match; null: any. */
export function portsOfRule({ to, when }: Pick<AccessRule, 'to' | 'when'>): readonly number[] | null {
  const asked = when.find(isPort)
  if (asked) return asked.ports
  const each = to.map(tests => tests.find(isPort))
  return to.length > 0 && each.every(test => test !== undefined) ? each.flatMap(test => test.ports) : null
}

type PortTest = Extract<Test, { of: 'port' }>
const isPort = (test: Test): test is PortTest => test.of === 'port' && !test.not
