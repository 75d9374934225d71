/** What tests of Gateway API put into a cluster, the fake one or a real one, and who follows it. */

import { gateway, WEIR } from '../support/gateway-api.ts'
import type { KubeObject } from './fake/object.ts'

const { namespace: _, ...ofCluster } = WEIR.metadata
/** weir's own class, as a cluster has it. */
export const WEIR_CLASS = { ...WEIR, metadata: ofCluster } as KubeObject

/** Of another namespace than the routes. */
export const elsewhere = (object: KubeObject): KubeObject => ({
  ...object,
  metadata: { ...object.metadata, namespace: 'other' },
})

/** A Gateway that listens on loopback. */
export const localGateway = (id: string, listeners: object[], more: object = {}): KubeObject =>
  gateway(id, listeners, { addresses: [{ value: '127.0.0.1' }], ...more }) as KubeObject

/** A gateway that hears names, and writes status at once. */
export const WRITING = { engine: 'epoll', status: true, pace: { spreadMs: 1 } } as const
