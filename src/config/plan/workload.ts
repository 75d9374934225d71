/**
 * A workload: what runs at an address, from a Pod or a WorkloadEntry, and which labels select it.
 */

import { own } from '../../base/own.ts'
import type { Resource } from '../resource.ts'
import type { Labels } from './inputs.ts'
import type { Where } from './locality.ts'

export type Workload = {
  readonly resource: Resource
  readonly namespace: string
  /**
   * IP addresses, the primary one first; or for a WorkloadEntry perhaps a DNS name. None for a
   * finished Pod.
   */
  readonly addresses: readonly string[]
  readonly labels: Labels
  /** '': none. */
  readonly serviceAccount: string
  readonly weight: number
  /** TCP port numbers by name. */
  readonly ports: Readonly<Record<string, number>>
  /** False for a Pod that is not ready, and for a WorkloadEntry whose health check fails. */
  readonly ready: boolean
  /** A Pod that is being deleted. */
  readonly terminating: boolean
  /** False for a Pod on its node's network: its address is not its own. */
  readonly ownAddress: boolean
  readonly where: Where
}

/** Whether every wanted label is there with its value; an empty selector matches. */
export const hasLabels = (labels: Labels, wanted: Labels): boolean =>
  Object.keys(wanted).every(key => own(labels, key) === wanted[key])
