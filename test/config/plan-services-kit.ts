/** A mesh of one service, whose own cluster is read out of the Plan. */

import assert from 'node:assert/strict'
import { formatCidr } from '../../src/address/address.ts'
import type { Cluster } from '../../src/table/plan/plan.ts'
import { istio, type Planned } from '../support/resources.ts'

export const cluster = ({ plan }: Planned, host: string, port: number): Cluster => {
  const found = plan.clusters.find(each => each.host === host && each.port === port)
  assert.ok(found, `no cluster ${host}:${port}`)
  return found
}
export const endpoints = (planned: Planned, host: string, port: number): string[] =>
  cluster(planned, host, port).endpoints.map(each => `${each.address}:${each.port}*${each.weight}`)
export const codes = ({ findings }: Planned): string[] => findings.list.map(each => each.code)
export const addressesOf = ({ plan }: Planned, host: string): string[] =>
  plan.listeners
    .flatMap(each => each.scopes.filter(scope => scope.host === host))
    .flatMap(each => each.addresses.map(formatCidr))

export const tcp = (number: number, more: object = {}) => ({ number, name: 'main', protocol: 'TCP', ...more })
export const entry = (spec: object, id = 'db') =>
  istio('ServiceEntry', id, {
    hosts: ['db.example.com'],
    addresses: ['10.0.0.1'],
    ports: [tcp(5432)],
    ...spec,
  })
