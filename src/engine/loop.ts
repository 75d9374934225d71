/**
 * The listeners that connections from here would come back to, on this machine.
 *
 * The machine's addresses are read when a table is adopted; one that is added later is known from
 * the next table on.
 */

import { networkInterfaces } from 'node:os'
import { type OwnListeners, ownListeners as ownAmong } from '../table/own-listeners.ts'
import type { Table } from '../table/table.ts'

export { isOwnListener, type OwnListeners } from '../table/own-listeners.ts'

export function ownListeners(table: Table): OwnListeners {
  const interfaces = Object.values(networkInterfaces()).flatMap(list => list ?? [])
  return ownAmong(
    table,
    interfaces.map(({ address }) => address),
  )
}
