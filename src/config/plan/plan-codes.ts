/** Codes of the third stage: how resources fit together. */

import { type CodeEntry, info, warning } from '../findings/code-entry.ts'

export const PLAN_CODES = {
  IST0101: warning('a resource refers to one that does not exist', 'define it, or correct the name'),
  IST0109: warning(
    'two VirtualServices for the mesh have one host',
    'merge them, or give them other hosts or exportTo: Istio uses one of them, and does not say which',
  ),
  IST0112: warning('a destination does not name one of several ports', 'give destination.port.number'),
  IST0132: warning(
    'a VirtualService names a Gateway that offers none of its hosts',
    'add one of its hosts to a server of the Gateway, or drop the Gateway from the list',
  ),
  IST0145: warning(
    'two Gateways claim one port; of two that are served the older keeps it',
    'merge them into one Gateway, or give one another port or bind address',
  ),
  IST0162: warning(
    "a Gateway's port is none of the Service before its Pods",
    'add the port to the Service, where the cluster is to serve it too',
  ),
  IST0173: warning('a subset selects no endpoint', 'correct its labels, or those of the endpoints'),
  IST0174: warning(
    'a DestinationRule is for a host that no resource defines, or that is another name of a service',
    'define it, or correct the host',
  ),
  CFG401: warning(
    'two resources define one host, or one port of it, for the same clients; one counts',
    'remove one, or let ServiceEntries go together: same namespace, resolution, labels, selector and exportTo',
  ),
  CFG402: warning('a Gateway server is not served', 'use protocol TCP and an IP address'),
  CFG403: warning('an endpoint is left out', 'give it an IP address'),
  CFG404: warning('a service has no endpoint; its connections are reset', 'give it endpoints, or remove it'),
  CFG405: warning(
    'two services share an address and a port; the older has it',
    'give one another address or port; of two headless Services for the same Pods keep one',
  ),
  CFG406: warning(
    'a mesh port is not opened, because a Gateway has the socket',
    'give the Gateway or mesh.bind another address',
  ),
  CFG407: warning(
    'no service has any host of a mesh VirtualService',
    'correct its hosts, or define the service',
  ),
  CFG408: warning('a rule asks for a port that nothing offers', 'correct match.port, or add the port'),
  CFG409: warning(
    "match.gateways names a gateway outside the VirtualService's own list",
    'add it to spec.gateways: a match can narrow that list, never widen it',
  ),
  CFG410: warning(
    'a mesh service port with TLS routes is not served',
    'route the port with tcp rules, as protocol TCP',
  ),
  CFG411: warning(
    'a DestinationRule with a workloadSelector never applies here',
    'set workload in the Settings, or remove the selector',
  ),
  CFG412: warning(
    "a gateway would forward to the address that the client asked for, which is the gateway's own",
    'use resolution STATIC or DNS, or another balancer than PASSTHROUGH',
  ),
  CFG413: warning(
    'the weights of an exact split have too long a period to be met for ever',
    'choose weights whose sum, divided by their common factor, is at most 131072, or 33554432 for up to four destinations',
  ),
  CFG414: warning(
    'two workloads have one address, so who a client is from there is a guess',
    'remove the one that is gone',
  ),
  CFG415: warning(
    'no address of a service is known, so connections to any address on its port are taken for it',
    'read it as the cluster has it, or write the address',
  ),
  CFG416: info(
    'an ExternalName is resolved by DNS, since no service of the files has the name',
    'read the service too, where the name is one of a cluster',
  ),
  CFG417: warning(
    'Services stand as files in Git have them, without what a cluster adds; their connections are reset',
    'read what the cluster has beside them',
  ),
  CFG418: warning(
    'tcp routes are never used, since the port is not TCP by its name or protocol',
    'name the port tcp-…, or set its protocol or appProtocol to tcp',
  ),
  CFG419: warning(
    'an entry of proxyProtocol applies to no listener',
    'correct its gateways and ports, or remove it; of several entries that fit, the first holds',
  ),
  CFG420: warning(
    'proxy.istio.io/config asks for PROXY headers, and the Settings do not say who may send them',
    'add proxyProtocol to the Settings, with the load balancers in from: else any client could name any address',
  ),
  CFG421: info(
    'PROXY headers are believed from every address, so any client can name any address',
    'name the load balancers in from, unless nobody else can reach the listener',
  ),
  CFG422: warning(
    'the timeout of an entry of proxyProtocol is longer than reading.timeout, which ends it',
    'raise reading.timeout, which is 15s unless it is written, or shorten the entry’s',
  ),
} as const satisfies Record<string, CodeEntry>
