/** The configuration whose access log the tests read: 80 % to one Service and 20 % to another. */

export const CONFIG = `
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: edge}
spec: {servers: [{port: {number: 7000, name: tcp, protocol: TCP}, hosts: ['*']}]}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: all}
spec:
  hosts: ['*']
  gateways: [edge]
  tcp:
    - match: [{sourceSubnet: 10.9.0.0/16}]
      route: [{destination: {host: second.example}}]
    - route:
        - {destination: {host: first.example}, weight: 80}
        - {destination: {host: second.example}, weight: 20}
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: first}
spec:
  hosts: [first.example]
  resolution: STATIC
  ports: [{number: 9000, name: tcp, protocol: TCP}]
  endpoints: [{address: 10.0.0.11}]
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: second}
spec:
  hosts: [second.example]
  resolution: STATIC
  ports: [{number: 9000, name: tcp, protocol: TCP}]
  endpoints: [{address: 10.0.0.12}]
---
apiVersion: gateway.weir/v1
kind: Settings
metadata: {name: weir}
spec: {mesh: {capture: none}}
`
