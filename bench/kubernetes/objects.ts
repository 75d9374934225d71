/** A cluster of any size: Services with endpoints, and rules that send to them. */

import type { KubeObject } from '../../test/kubernetes/fake/object.ts'

const NAMESPACE = 'bench'
const RULES_OF_SERVICE = 100

const named = (apiVersion: string, kind: string, name: string, rest: object): KubeObject => ({
  apiVersion,
  kind,
  metadata: { name, namespace: NAMESPACE },
  ...rest,
})

const istio = (kind: string, name: string, spec: object): KubeObject =>
  named('networking.istio.io/v1', kind, name, { spec })

export const serviceName = (index: number): string => `service-${String(index).padStart(5, '0')}`
/** What no other rule takes goes there. */
export const PROBED = 'probed'

export const service = (name: string): KubeObject =>
  named('v1', 'Service', name, { spec: { clusterIP: '10.0.0.1', ports: [{ port: 80, name: 'tcp' }] } })

export const edge = (port: number): KubeObject =>
  istio('Gateway', 'edge', {
    servers: [{ port: { number: port, name: 'tcp', protocol: 'TCP' }, hosts: ['*'], bind: '127.0.0.1' }],
  })

const routeTo = (host: string) => ({ route: [{ destination: { host, port: { number: 80 } } }] })

/** `rules` of them in VirtualServices of 100, in turn to each of `services`; then one to PROBED. */
export function rules(count: number, services: number): KubeObject[] {
  const all = Array.from({ length: count }, (_, rule) => ({
    match: [{ destinationSubnets: [`10.${(rule >> 16) & 255}.${(rule >> 8) & 255}.${rule & 255}`] }],
    ...routeTo(serviceName(rule % services)),
  }))
  const virtualServices = Array.from({ length: Math.ceil(count / RULES_OF_SERVICE) }, (_, index) =>
    istio('VirtualService', `rules-${String(index).padStart(5, '0')}`, {
      hosts: ['*'],
      gateways: ['edge'],
      tcp: all.slice(index * RULES_OF_SERVICE, (index + 1) * RULES_OF_SERVICE),
    }),
  )
  const last = istio('VirtualService', 'zzz', { hosts: ['*'], gateways: ['edge'], tcp: [routeTo(PROBED)] })
  return [...virtualServices, last]
}

export type Slice = {
  readonly addresses: readonly string[]
  readonly port?: number
  /** Which endpoint is not ready. */
  readonly away?: number
}

/** As the controller of EndpointSlices writes them, with Pods and Nodes. */
export function slice(name: string, { addresses, port = 80, away = -1 }: Slice): KubeObject {
  const written = named('discovery.k8s.io/v1', 'EndpointSlice', `${name}-x7k2p`, {
    addressType: 'IPv4',
    endpoints: addresses.map((address, index) => ({
      addresses: [address],
      conditions: { ready: index !== away, serving: index !== away, terminating: false },
      nodeName: `node-${address.replaceAll('.', '-')}.eu-central-1.compute.internal`,
      targetRef: {
        kind: 'Pod',
        namespace: NAMESPACE,
        name: `${name}-6d5f8b9c7-${index}`,
        uid: '00000000-0000-4000-8000-000000000000',
      },
      zone: `eu-central-1${'abc'[index % 3]}`,
    })),
    ports: [{ name: 'tcp', port, protocol: 'TCP' }],
  })
  const labels = {
    'kubernetes.io/service-name': name,
    'endpointslice.kubernetes.io/managed-by': 'endpointslice-controller.k8s.io',
  }
  return { ...written, metadata: { ...written.metadata, labels } }
}

const CONTROLLER = 'kube-controller-manager'
const OWNER = '00000000-0000-4000-8000-000000000001'

/** With what the controller says beside it, and the API server of the controller. */
export function asStored(written: KubeObject): KubeObject {
  const { metadata } = written
  const owner = { apiVersion: 'v1', kind: 'Service', controller: true, blockOwnerDeletion: true, uid: OWNER }
  const label = Object.keys(Object(metadata.labels)).map(name => [`f:${name}`, {}])
  const time = '2026-11-29T12:00:00Z'
  const fieldsV1 = {
    'f:addressType': {},
    'f:endpoints': {},
    'f:metadata': {
      'f:annotations': { '.': {}, 'f:endpoints.kubernetes.io/last-change-trigger-time': {} },
      'f:generateName': {},
      'f:labels': { '.': {}, ...Object.fromEntries(label) },
      'f:ownerReferences': { '.': {}, [`k:{"uid":"${OWNER}"}`]: {} },
    },
    'f:ports': {},
  }
  const managed = { manager: CONTROLLER, operation: 'Update', apiVersion: written.apiVersion, time }
  const more = {
    generateName: metadata.name.replace(/[^-]*$/, ''),
    annotations: { 'endpoints.kubernetes.io/last-change-trigger-time': time },
    ownerReferences: [{ ...owner, name: metadata.name.replace(/-[^-]*$/, '') }],
    managedFields: [{ ...managed, fieldsType: 'FieldsV1', fieldsV1 }],
  }
  return { ...written, metadata: { ...metadata, ...more } } as KubeObject
}

export const addressesOf = (index: number, count: number): string[] =>
  Array.from({ length: count }, (_, each) => {
    const number = index * count + each
    return `10.${128 + ((number >> 16) & 127)}.${(number >> 8) & 255}.${number & 255}`
  })
