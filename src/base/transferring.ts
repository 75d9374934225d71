/** Handing a port to a piscina worker. */

import type { MessagePort } from 'node:worker_threads'
import type { Piscina } from 'piscina'

type TransferList = NonNullable<NonNullable<Parameters<Piscina['run']>[1]>['transferList']>

/**
 * Piscina takes its list's type from an overload of postMessage that newer Node types no longer put
 * last.
 */
export const transferring = (port: MessagePort): TransferList => [port] as unknown as TransferList
