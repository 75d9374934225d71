/** Codes of the third stage: how resources fit together. */

import { type CodeEntry, error, info, warning } from '../findings/code-entry.ts'

export const PLAN_CODES = {
  IST0101: warning('a resource refers to one that does not exist', 'define it, or correct the name'),
  IST0109: warning(
    'two VirtualServices for the mesh have the same host',
    'merge them, or give them different hosts or exportTo: Istio uses only one, and does not define which',
  ),
  IST0112: warning(
    'a destination names none of the several ports of its service',
    'set destination.port.number',
  ),
  IST0132: warning(
    'a VirtualService names a Gateway that admits none of its hosts',
    'add one of its hosts to a server of the Gateway, or remove the Gateway from the list',
  ),
  IST0145: warning(
    'two Gateways claim one port, or one host of it for TLS; if both are served, the older keeps it',
    'merge them into one Gateway, or give one another port, bind address or host',
  ),
  IST0162: warning(
    "a Gateway's port is not a port of the Service of its Pods",
    'if the cluster should serve it too, add the port to the Service',
  ),
  IST0173: warning('a subset selects no endpoint', 'correct its labels, or those of the endpoints'),
  IST0174: warning(
    'a DestinationRule is for a host that no resource defines, or that is another name of a service',
    'define it, or correct the host',
  ),
  CFG401: warning(
    'two resources define one host, or one port of it, for the same clients; only one is used',
    'remove one, or make the ServiceEntries mergeable: same namespace, resolution, labels, selector and exportTo',
  ),
  CFG402: warning(
    'a Gateway server is not served',
    'use protocol TCP, or TLS with mode PASSTHROUGH, and an IP address',
  ),
  CFG403: warning('an endpoint is ignored', 'give it an IP address'),
  CFG404: warning('a service has no endpoint; its connections are reset', 'give it endpoints, or remove it'),
  CFG405: warning(
    'two services share an address and a port; the older has it',
    'give one another address or port; of two headless Services for the same Pods keep one',
  ),
  CFG406: warning(
    'a mesh port is not opened, because a Gateway uses the socket',
    'give the Gateway or mesh.bind another address',
  ),
  CFG407: warning(
    'no host of a mesh VirtualService belongs to a service',
    'correct its hosts, or define the service',
  ),
  CFG408: warning('a rule matches a port that nothing offers', 'correct match.port, or add the port'),
  CFG409: warning(
    "match.gateways names a gateway outside the VirtualService's own list",
    'add it to spec.gateways: a match can narrow that list, never widen it',
  ),
  CFG411: warning(
    'a DestinationRule with a workloadSelector never applies here',
    'set workload in the Settings, or remove the selector',
  ),
  CFG412: warning(
    "a gateway would forward to the address that the client dialed, which is the gateway's own",
    'use resolution STATIC or DNS, or another balancer than PASSTHROUGH',
  ),
  CFG413: warning(
    'the weights of an exact split repeat only after too many connections to stay exact',
    'choose weights whose sum, divided by their common factor, is at most 131072, or 33554432 for up to four destinations',
  ),
  CFG414: warning(
    'two workloads have the same address, so weir guesses which of them a client is',
    'remove the stale one',
  ),
  CFG415: warning(
    'no address of a service is known, so it takes connections to any address on its port',
    'check the resource of the cluster, or write the address',
  ),
  CFG416: info(
    'an ExternalName is resolved by DNS, since no service of the files has the name',
    'if the name belongs to the cluster, add its Service',
  ),
  CFG417: warning(
    'Services lack what a cluster adds, as in files from Git; their connections are reset',
    'add the resources of the cluster',
  ),
  CFG418: warning(
    'tcp routes are never used, since the port is not TCP by its name or protocol',
    'name the port tcp-…, or set its protocol or appProtocol to tcp',
  ),
  CFG419: warning(
    'an entry of proxyProtocol applies to no listener',
    'correct its gateways and ports, or remove it; of several entries that match, the first applies',
  ),
  CFG420: warning(
    'proxy.istio.io/config asks for PROXY headers, but the Settings do not name their senders',
    'add proxyProtocol to the Settings, with the load balancers in from; otherwise any client could claim any address',
  ),
  CFG421: info(
    'PROXY headers are trusted from every address, so any client can claim any address',
    'name the load balancers in from, unless nobody else can reach the listener',
  ),
  CFG422: warning(
    'the timeout of an entry of proxyProtocol is longer than reading.timeout, which ends it',
    'raise reading.timeout, which is 15s unless it is written, or shorten the entry’s',
  ),
  CFG430: error(
    'a CUSTOM AuthorizationPolicy applies to a listener, and weir asks no provider',
    'remove it, let it select other workloads, or write it as DENY and ALLOW',
  ),
  CFG431: info(
    'an AuthorizationPolicy is enforced at no listener here',
    'nothing to do, if this is intended',
  ),
  CFG432: warning(
    'a policy asks for an identity, and no server that it is for verifies certificates of clients',
    'set mode MUTUAL or OPTIONAL_MUTUAL on the Gateway’s server, ask for addresses (ipBlocks), or set authorization.identity in the Settings',
  ),
  CFG433: warning(
    'a policy excludes identities, and no server that it is for verifies certificates of clients',
    'set mode MUTUAL or OPTIONAL_MUTUAL on the Gateway’s server, ask for addresses (notIpBlocks), or set authorization.identity in the Settings',
  ),
  CFG434: info('a PeerAuthentication changes nothing here', 'nothing to do'),
  CFG435: warning(
    'a PeerAuthentication refuses what weir sends',
    'set PERMISSIVE for that workload or port, or route to others: weir does not speak mutual TLS',
  ),
  CFG436: warning(
    'a policy asks for the server name at a listener that reads none',
    'name the ports of TLS servers in to, or ask for addresses',
  ),
  CFG437: warning(
    'a policy names a namespace that no client can be in',
    'write the name as `kubectl get namespaces` has it: lower-case letters, digits and dashes',
  ),
  CFG440: warning(
    'outlierDetection never ejects an endpoint',
    'raise maxEjectionPercent to what the message names, or remove outlierDetection',
  ),
  CFG441: info(
    'outlierDetection waits for long connect timeouts',
    'set connectionPool.tcp.connectTimeout, such as 1s, in the same policy',
  ),
  CFG442: error(
    'the tables of consistentHash take too much memory',
    'lower tableSize or minimumRingSize; 100 entries for each endpoint are enough for even shares',
  ),
  CFG443: warning(
    'an entry of healthChecks names what nothing defines',
    'correct its host, port or subset, or define it; the host is a full name, such as orders.shop.svc.cluster.local',
  ),
  CFG444: warning(
    'an entry of healthChecks is never used',
    'remove it, or put it before the one that the message names: the first that fits a destination counts',
  ),
  CFG445: warning(
    'what asks for near endpoints has no effect, since the gateway does not know where it is',
    'set locality in the Settings, such as {region: us, zone: a}, or remove the setting',
  ),
  CFG423: warning(
    'a server of plain TCP shares its port with TLS servers, so protocols in which the server speaks first wait',
    'give such a protocol (MySQL, SMTP, FTP) a port of its own; for others nothing needs to be done',
  ),
} as const satisfies Record<string, CodeEntry>
