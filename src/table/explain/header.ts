/** The peers whose PROXY header a listener reads, and the resulting client, in words. */

import { formatCidr, parseInto } from '../../address/address.ts'
import { Listener } from '../format/routing-layout.ts'
import { cidrsOf } from '../format/rows.ts'
import type { Table } from '../format/table.ts'
import { judgePeer, Peer } from '../match/proxy-senders.ts'
import type { ReadsProxy } from '../plan/plan.ts'
import type { ExplainedHeader, Question } from './explanation.ts'

const PEERS = { [Peer.client]: 'client', [Peer.sender]: 'sender', [Peer.untrusted]: 'untrusted' } as const

/** A listener's PROXY settings, as planned; null: none. */
export function readsOf(table: Table, listener: number): ReadsProxy | null {
  const at = (field: number): number => table.listeners[listener * Listener.WORDS + field]
  const versions = at(Listener.proxyVersions)
  if (versions === 0) return null
  return {
    from: cidrsOf(table, at(Listener.firstSender), at(Listener.senderCount)),
    require: at(Listener.proxyRequired) === 1,
    versions: ([1, 2] as const).filter(version => (versions & (1 << (version - 1))) !== 0),
    timeoutMs: at(Listener.proxyTimeoutMs),
  }
}

/** null: the listener reads none. */
export function headerAt(table: Table, listener: number, peer: string | undefined): ExplainedHeader | null {
  const reads = readsOf(table, listener)
  return (
    reads && {
      from: reads.from.map(formatCidr),
      required: reads.require,
      versions: reads.versions,
      peer: peer === undefined ? null : peerText(table, listener, peer),
    }
  )
}

/** The client's address: only a sender's header can name another address than its own. */
export function clientOf({ source, peer }: Question, header: ExplainedHeader | null): string | undefined {
  return peer === undefined || header?.peer === 'sender' ? source.ip : peer
}

function peerText(table: Table, listener: number, peer: string): ExplainedHeader['peer'] {
  const words = new Uint32Array(4)
  const family = parseInto(peer, words, 0)
  return PEERS[judgePeer(table, listener, family, words) as keyof typeof PEERS]
}
