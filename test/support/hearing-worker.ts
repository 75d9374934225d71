/**
 * A worker whose connections send a line before the decision, if their listener's gateway is named
 * after the milliseconds to wait: `default/hears-200`.
 *
 *   take …        the line is weir's, what follows goes on
 *   keep …        all of it goes on
 *   from ADDRESS  the line is weir's, and says who the client is
 *   refuse        reset, as `denied`
 *
 * A client that sends nothing in time is served, unless the name goes on with `-strictly`; one that
 * ends, or does not end its line in time, is not.
 */

import { parseInto } from '../../src/address/address.ts'
import type { Arrival } from '../../src/engine/decide/arrival.ts'
import { Asked, MORE, type Reader, refusal } from '../../src/engine/decide/reader.ts'
import type { WorkerTask } from '../../src/engine/worker/protocol.ts'
import { runWith } from '../../src/engine/worker/worker.ts'
import { machine } from '../../src/kernel/machine.ts'
import { Reason } from '../../src/stats/reasons.ts'

const gatewayOf = ({ table, query }: Arrival): string => table?.sockets[query.listener].gateway ?? ''

const reader: Reader = {
  begin(arrival: Arrival, nowMs: number): boolean {
    const waitMs = /hears-(\d+)/.exec(gatewayOf(arrival))?.[1]
    arrival.readUntilMs = nowMs + Number(waitMs)
    return waitMs !== undefined
  },

  read(arrival: Arrival, bytes: Uint8Array, asked: Asked): number {
    const length = bytes.indexOf(10) + 1
    if (length === 0 && asked === Asked.bytes) return MORE
    const isServed = asked === Asked.late && bytes.length === 0 && !gatewayOf(arrival).endsWith('-strictly')
    if (length === 0 && isServed) return 0
    if (length === 0) return refusal(Reason[asked === Asked.end ? 'client-closed' : 'idle-timeout'])
    const [word, address = ''] = Buffer.from(bytes.subarray(0, length)).toString().trim().split(' ')
    if (word === 'refuse') return refusal(Reason.denied)
    if (word === 'from') arrival.query.clientFamily = parseInto(address, arrival.query.client, 0)
    return word === 'keep' ? 0 : length
  },
}

export default (task: WorkerTask): Promise<void> => runWith(task, { world: machine, reader })
