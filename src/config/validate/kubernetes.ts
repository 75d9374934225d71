/**
 * Kubernetes kinds: the types of the fields that weir reads.
 *
 * These resources mostly come from `kubectl get -o yaml`, where an API server has validated them,
 * and have many fields that do not matter here; so unknown fields are not checked.
 */

import type { Shape } from './shape.ts'

const TARGET: Shape = { kind: 'text', name: 'text', namespace: 'text' }
const PORT: Shape = { name: 'text', port: 'port', protocol: 'text', appProtocol: 'text' }
const ENDPOINT_ADDRESSES: Shape = [{ 'ip!': 'ip', hostname: 'text', nodeName: 'text', targetRef: TARGET }]
const CONTAINER: Shape = {
  name: 'text',
  restartPolicy: 'text',
  ports: [{ name: 'text', 'containerPort!': 'port', protocol: 'text' }],
}

export const KUBERNETES_SHAPES: Readonly<Record<string, Shape>> = {
  Service: {
    spec: {
      type: 'text',
      clusterIP: 'text',
      clusterIPs: ['text'],
      ipFamilies: ['text'],
      ipFamilyPolicy: 'text',
      externalIPs: ['text'],
      publishNotReadyAddresses: 'flag',
      externalName: 'text',
      trafficDistribution: 'text',
      internalTrafficPolicy: 'text',
      selector: { '*': 'text' },
      ports: [
        { name: 'text', 'port!': 'port', targetPort: 'portOrName', protocol: 'text', appProtocol: 'text' },
      ],
    },
    status: { loadBalancer: { ingress: [{ ip: 'text', ipMode: 'text' }] } },
  },
  Endpoints: {
    subsets: [{ addresses: ENDPOINT_ADDRESSES, notReadyAddresses: ENDPOINT_ADDRESSES, ports: [PORT] }],
  },
  EndpointSlice: {
    addressType: 'text',
    endpoints: [
      {
        addresses: ['text'],
        conditions: { ready: 'flag', serving: 'flag', terminating: 'flag' },
        targetRef: TARGET,
        hostname: 'text',
        nodeName: 'text',
        zone: 'text',
        hints: { forZones: [{ 'name!': 'text' }] },
      },
    ],
    ports: [PORT],
  },
  Pod: {
    spec: {
      nodeName: 'text',
      hostNetwork: 'flag',
      containers: [CONTAINER],
      initContainers: [CONTAINER],
    },
    status: {
      phase: 'text',
      podIP: 'text',
      podIPs: [{ 'ip!': 'text' }],
      conditions: [{ 'type!': 'text', 'status!': 'text' }],
    },
  },
  Namespace: {},
  Node: {},
  Secret: {}, // whoever refers to one is told what is wrong with it
}
