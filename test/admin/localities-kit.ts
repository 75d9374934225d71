/** A gateway in us/a, with endpoints of several localities. */

import { routedTo } from './scene.ts'

/** Endpoints of these localities, for a gateway in us/a. */
export const located =
  (localities: readonly (readonly [port: number, locality: string])[], policy: string) =>
  (port: number): string =>
    `
${routedTo(port)}${localities.map(([at, locality]) => `    - {address: 127.0.0.1, locality: ${locality}, ports: {tcp: ${at}}}`).join('\n')}
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: backend, namespace: default}
spec: {host: backend.example, trafficPolicy: {${policy}}}
---
apiVersion: gateway.weir/v1
kind: Settings
metadata: {name: weir}
spec: {mesh: {capture: none}, workers: 1, admin: null, locality: {region: us, zone: a}}
`
