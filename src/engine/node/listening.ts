/** One listening socket of a worker, and the table that its connections are matched by. */

import type { Server } from 'node:net'
import { isDeepStrictEqual } from 'node:util'
import type { Table, TableListener } from '../../table/format/table.ts'
import type { ListenFailure } from '../worker/protocol.ts'
import { bequeath } from './tcp-times.ts'

export type Status = 'waiting' | 'opening' | 'open' | 'failed' | 'retiring' | 'closed'

/** One listening socket, and the table that its connections are matched by. */
export type Listening = {
  readonly place: string
  /** Its number among this worker's sockets of the place; above 0 only if they are inherited. */
  readonly copy: number
  /** What another process has opened, until it is accepted from; −1: nothing. */
  inherited: number
  readonly bind: string
  readonly port: number
  /** The newest table that has this listener, its name and row there. */
  table: Table
  key: string
  row: number
  original: boolean
  server: Server | null
  /** What its connections inherit from it; null: nothing. */
  tuned: TableListener['tcp'] | null
  status: Status
  failure: ListenFailure | null
  /** Connections that it has accepted in total. */
  accepted: number
}

export function createListening(
  place: string,
  table: Table,
  row: number,
  { bind, port, key, original }: TableListener,
  { copy, inherited }: Pick<Listening, 'copy' | 'inherited'>,
): Listening {
  const state = { server: null, tuned: null, status: 'waiting', failure: null, accepted: 0 } as const
  return Object.assign({ place, copy, inherited, bind, port, table, row, key, original }, state)
}

/** From here on its connections are matched by another table. */
export function renew(
  listening: Listening,
  { table, row, key, original }: Pick<Listening, 'table' | 'row' | 'key' | 'original'>,
): void {
  Object.assign(listening, { table, row, key, original })
  tune(listening)
}

/** What it accepts from now on inherits what the newest table says of the socket. */
export function tune(listening: Listening): void {
  const { server, table, row, tuned } = listening
  const { tcp } = table.sockets[row]
  if (server?.listening && !isDeepStrictEqual(tcp, tuned))
    listening.tuned = bequeath(server, tcp) ? tcp : null
}

export function shut(listening: Listening): void {
  if (listening.server?.listening) listening.server.close()
  listening.server = null
}
