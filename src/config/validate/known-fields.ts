/**
 * Every field of Istio's resources, and what weir does with it.
 *
 * One table drives three things: unknown fields are errors, ignored fields are warnings, and
 * docs/configuration.md shows them (a test compares both). The order is that of Istio's reference
 * pages.
 */

/** What weir does with a field. */
export type Support =
  /** Implemented. */
  | 'served'
  /** Changes nothing that weir does, so no message. */
  | 'no effect'
  /** An error, as in Istio; the semantic checks give the reason. */
  | 'refused'
  /** Belongs to layer 4, but weir ignores it so far, with a warning. */
  | 'not served yet'
  /** Ignored with a warning, like all of layer 7. */
  | 'needs layer 7'
  /** No connection has it: a warning explains the effect on the rule (authorization-policy.ts). */
  | 'only HTTP has it'
  /** Ignored, with one finding per http route instead of one per field. */
  | 'by route'

/**
 * A field without fields of its own (or with free ones, like labels), a served object or list of
 * objects, or one that weir ignores as a whole. `'*'` is any name.
 */
export type Known = Support | Fields | readonly [Support, Fields]
export type Fields = { readonly [name: string]: Known }

const each = (support: Support, names: string): Fields =>
  Object.fromEntries(names.split(' ').map(name => [name, support] as const))
const served = (names: string): Fields => each('served', names)
const ignored = (names: string): Fields => each('no effect', names)
const later = (names: string): Fields => each('not served yet', names)
const layer7 = (names: string): Fields => each('needs layer 7', names)
const onlyHttp = (names: string): Fields => each('only HTTP has it', names)
const byRoute = (names: string): Fields => each('by route', names)

const DESTINATION: Fields = { ...served('host subset'), port: served('number') }
const ROUTE: Fields = { destination: DESTINATION, weight: 'served' }
const L4_MATCH = served('destinationSubnets port sourceLabels gateways sourceNamespace')

const STRING_MATCH = byRoute('exact prefix regex')
const PERCENT = byRoute('value')
const HEADERS: Known = [
  'by route',
  { request: byRoute('set add remove'), response: byRoute('set add remove') },
]

const HTTP_MATCH: Fields = {
  ...byRoute('name port sourceLabels gateways ignoreUriCase sourceNamespace statPrefix'),
  uri: STRING_MATCH,
  scheme: STRING_MATCH,
  method: STRING_MATCH,
  authority: STRING_MATCH,
  headers: { '*': STRING_MATCH },
  queryParams: { '*': STRING_MATCH },
  withoutHeaders: { '*': STRING_MATCH },
}

const RETRIES = 'attempts perTryTimeout retryOn retryRemoteLocalities retryIgnorePreviousHosts backoff'
const CORS = 'allowOrigin allowMethods allowHeaders exposeHeaders maxAge allowCredentials unmatchedPreflights'

const HTTP_ROUTE: Fields = {
  name: 'no effect',
  match: ['by route', HTTP_MATCH],
  route: { ...ROUTE, headers: HEADERS },
  redirect: ['by route', byRoute('uri prefixRewrite authority port derivePort scheme redirectCode')],
  directResponse: ['by route', { status: 'by route', body: byRoute('string bytes') }],
  delegate: ['by route', byRoute('name namespace')],
  rewrite: ['by route', { ...byRoute('uri authority'), uriRegexRewrite: byRoute('match rewrite') }],
  timeout: 'by route',
  retries: ['by route', byRoute(RETRIES)],
  fault: [
    'by route',
    {
      delay: { ...byRoute('fixedDelay exponentialDelay percent'), percentage: PERCENT },
      abort: { ...byRoute('httpStatus grpcStatus http2Error'), percentage: PERCENT },
    },
  ],
  mirror: ['by route', DESTINATION],
  mirrors: ['by route', { destination: DESTINATION, percentage: PERCENT }],
  ...byRoute('mirrorPercent mirror_percent'),
  mirrorPercentage: ['by route', PERCENT],
  corsPolicy: ['by route', { ...byRoute(CORS), allowOrigins: STRING_MATCH }],
  headers: HEADERS,
}

const CONSISTENT_HASH: Fields = {
  ...served('useSourceIp minimumRingSize'),
  ...layer7('httpHeaderName httpQueryParameterName'),
  httpCookie: ['needs layer 7', { ...layer7('name path ttl'), attributes: layer7('name value') }],
  ringHash: served('minimumRingSize'),
  maglev: served('tableSize'),
}

const FAILOVER: Fields = {
  ...later('enabled failoverPriority minClusterSize'),
  failover: later('from to'),
}
const LOCALITY: Fields = {
  distribute: served('from to'),
  ...served('enabled failoverPriority'),
  failover: served('from to'),
}

const LOAD_BALANCER: Fields = {
  simple: 'served',
  consistentHash: CONSISTENT_HASH,
  localityLbSetting: LOCALITY,
  zoneAwareLbSetting: ['not served yet', FAILOVER],
  warmupDurationSecs: 'served',
  warmup: served('duration minimumPercent aggression'),
}

const HTTP_POOL =
  'http1MaxPendingRequests http2MaxRequests maxRequestsPerConnection maxRetries idleTimeout ' +
  'h2UpgradePolicy useClientProtocol maxConcurrentStreams'
const OUTLIER_DETECTION: Fields = {
  ...served('splitExternalLocalOriginErrors consecutiveLocalOriginFailures consecutiveGatewayErrors'),
  consecutive5xxErrors: 'served',
  consecutiveErrors: 'no effect',
  ...served('interval baseEjectionTime maxEjectionPercent minHealthPercent'),
  ...layer7('outlierDetectionHttpErrorCodes'),
}
const CLIENT_TLS =
  'mode clientCertificate privateKey caCertificates credentialName subjectAltNames sni insecureSkipVerify caCrl'

const PORT_POLICY: Fields = {
  connectionPool: {
    tcp: {
      ...served('maxConnections connectTimeout maxConnectionDuration idleTimeout'),
      tcpKeepalive: served('probes time interval'),
    },
    http: ['needs layer 7', { ...layer7(HTTP_POOL), http2KeepAlive: layer7('interval timeout') }],
  },
  loadBalancer: LOAD_BALANCER,
  outlierDetection: OUTLIER_DETECTION,
  tls: served(CLIENT_TLS),
}

const TRAFFIC_POLICY: Fields = {
  ...PORT_POLICY,
  portLevelSettings: { port: served('number'), ...PORT_POLICY },
  tunnel: ['not served yet', later('protocol targetHost targetPort')],
  proxyProtocol: served('version'),
  retryBudget: ['needs layer 7', layer7('percent minRetryConcurrency budgetInterval')],
}

const SERVER_TLS =
  'serverCertificate privateKey caCertificates caCrl credentialName credentialNames caCertCredentialName ' +
  'subjectAltNames verifyCertificateSpki verifyCertificateHash minProtocolVersion maxProtocolVersion cipherSuites'
const CERTIFICATE: Fields = { ...served('serverCertificate privateKey'), ...ignored('caCertificates') }

const WORKLOAD: Fields = {
  ...served('address ports labels weight'),
  ...served('network locality'),
  ...ignored('serviceAccount'),
}

const TARGET = ignored('group kind name namespace')

/** The fields of `spec`, by kind. */
export const KNOWN_FIELDS = {
  VirtualService: {
    ...served('hosts gateways exportTo'),
    tcp: { match: { ...L4_MATCH, sourceSubnet: 'served' }, route: ROUTE },
    tls: { match: { sniHosts: 'served', ...L4_MATCH }, route: ROUTE },
    http: HTTP_ROUTE,
  },
  DestinationRule: {
    ...served('host exportTo'),
    workloadSelector: served('matchLabels'),
    trafficPolicy: TRAFFIC_POLICY,
    subsets: { ...served('name labels'), trafficPolicy: TRAFFIC_POLICY },
  },
  Gateway: {
    selector: 'served',
    servers: {
      ...served('bind hosts'),
      port: { ...served('number protocol name'), targetPort: 'refused' },
      tls: {
        mode: 'served',
        ...served(SERVER_TLS),
        tlsCertificates: CERTIFICATE,
        httpsRedirect: 'needs layer 7',
        ...later('insecureSkipVerify'),
      },
      ...ignored('name defaultEndpoint'),
    },
  },
  ServiceEntry: {
    ...served('hosts addresses resolution exportTo'),
    ports: served('number protocol name targetPort'),
    endpoints: WORKLOAD,
    workloadSelector: served('labels'),
    ...served('subjectAltNames'),
    ...ignored('location'),
  },
  WorkloadEntry: WORKLOAD,
  AuthorizationPolicy: {
    action: 'served',
    selector: served('matchLabels'),
    targetRef: TARGET,
    targetRefs: TARGET,
    provider: { name: 'refused' },
    rules: {
      from: {
        source: {
          ...served('ipBlocks notIpBlocks remoteIpBlocks notRemoteIpBlocks'),
          ...served('principals notPrincipals namespaces notNamespaces'),
          ...served('serviceAccounts notServiceAccounts trustDomains notTrustDomains'),
          ...onlyHttp('requestPrincipals notRequestPrincipals'),
        },
      },
      to: {
        operation: {
          ...served('ports notPorts'),
          ...onlyHttp('hosts notHosts methods notMethods paths notPaths'),
        },
      },
      when: served('key values notValues'),
    },
  },
  PeerAuthentication: {
    selector: served('matchLabels'),
    mtls: served('mode'),
    portLevelMtls: { '*': served('mode') },
  },
} satisfies Readonly<Record<string, Fields>>
