/** Resources of a small cluster: a Gateway, a rule, Services and where their endpoints are. */

import type { KubeObject } from './fake/object.ts'

const NAMESPACE = 'shop'

export const istio = (kind: string, name: string, spec: object): KubeObject => ({
  apiVersion: 'networking.istio.io/v1',
  kind,
  metadata: { name, namespace: NAMESPACE },
  spec,
})

export const edge = (port: number): KubeObject =>
  istio('Gateway', 'edge', {
    servers: [{ port: { number: port, name: 'tcp', protocol: 'TCP' }, hosts: ['*'], bind: '127.0.0.1' }],
  })

/** Everything goes to this Service. */
export const routeTo = (host: string, subset?: string): KubeObject =>
  istio('VirtualService', 'all', {
    hosts: ['*'],
    gateways: ['edge'],
    tcp: [{ route: [{ destination: { host, ...(subset && { subset }), port: { number: 80 } } }] }],
  })

export const service = (name: string): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name, namespace: NAMESPACE },
  spec: { ports: [{ port: 80, name: 'tcp' }] },
})

type SliceOptions = {
  /** v1, or what an older server has. */
  readonly version?: string
  readonly endpoints?: readonly { readonly conditions?: object; readonly pod?: string }[]
  readonly suffix?: string
}

/** Endpoints at 127.0.0.1, 127.0.0.2 … */
export const slice = (
  name: string,
  port: number,
  { version = 'v1', endpoints = [{ conditions: { ready: true } }], suffix = 'a' }: SliceOptions = {},
): KubeObject => ({
  apiVersion: `discovery.k8s.io/${version}`,
  kind: 'EndpointSlice',
  metadata: {
    name: `${name}-${suffix}`,
    namespace: NAMESPACE,
    labels: { 'kubernetes.io/service-name': name },
  },
  addressType: 'IPv4',
  endpoints: endpoints.map(({ conditions, pod }, index) => ({
    addresses: [`127.0.0.${index + 1}`],
    ...(conditions && { conditions }),
    ...(pod && { targetRef: { kind: 'Pod', name: pod } }),
  })),
  ports: [{ name: 'tcp', port, protocol: 'TCP' }],
})

export const pod = (
  name: string,
  labels: Readonly<Record<string, string>>,
  more: object = {},
): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, namespace: NAMESPACE, labels, ...more },
  spec: { containers: [] },
  status: { phase: 'Running', podIP: '127.0.0.1' },
})

/** A Secret with this data, in base64. */
export const secret = (name: string, data: Readonly<Record<string, string>> = {}): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: { name, namespace: NAMESPACE },
  data,
})
