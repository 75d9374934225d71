/** Gateway API’s kinds, each resource alone: what the API server would refuse. */

import { deepEqual, equal } from 'node:assert/strict'
import { test } from 'node:test'
import { findingsOf, type Json, verdict } from './validate-kit.ts'

const GROUP = 'gateway.networking.k8s.io'
const of = (kind: string, spec: unknown, version = 'v1'): Json => ({
  apiVersion: `${GROUP}/${version}`,
  kind,
  metadata: { name: 'foo', namespace: 'bar' },
  spec,
})

type Case = readonly [name: string, spec: unknown, ...expected: string[]]

function rules(kind: string, table: Readonly<Record<string, readonly Case[]>>, version = 'v1'): void {
  for (const [rule, cases] of Object.entries(table)) {
    test(`${kind} ${version}: ${rule}`, () => {
      for (const [name, spec, ...expected] of cases)
        deepEqual(verdict(findingsOf(of(kind, spec, version))), expected, name)
    })
  }
}

const listening = (...listeners: Json[]): Json => ({ gatewayClassName: 'weir', listeners })
const listener = (fields: Json): Json => ({ name: 'db', port: 5432, protocol: 'TCP', ...fields })
const one = (fields: Json): Json => listening(listener(fields))
const tls = (fields: unknown, more: Json = {}): Json => one({ protocol: 'TLS', tls: fields, ...more })
const AT = 'spec.listeners[0]'

rules('Gateway', {
  'it has a class and listeners': [
    ['both', one({})],
    ['nothing', {}, 'CFG103 spec.gatewayClassName', 'CFG103 spec.listeners'],
    ['no listener', listening(), 'CFG211 spec.listeners'],
    ['no name', listening({ port: 1, protocol: 'TCP' }), `CFG103 ${AT}.name`],
    ['a misspelt field', one({ protocl: 'TCP' }), `CFG102 ${AT}.protocl`],
    ['a port out of range', one({ port: 65_536 }), `CFG101 ${AT}.port`],
    ['a port in quotes', one({ port: '5432' }), `CFG101 ${AT}.port`],
    ['a name in capitals', one({ name: 'DB' }), `CFG217 ${AT}.name`],
    ['one name twice', listening(listener({}), listener({ port: 5433 })), 'CFG209 spec.listeners[1].name'],
    ['one place twice', listening(listener({}), listener({ name: 'other' })), 'CFG209 spec.listeners[1]'],
  ],
  'protocols have names, or are somebody’s own': [
    ['UDP, which weir does not speak', one({ protocol: 'UDP' })],
    ['a domain with a path', one({ protocol: 'example.com/quic' })],
    ['a word that nobody serves, which the status says', one({ protocol: 'tcp' })],
    ['a domain alone', one({ protocol: 'example.com' }), `CFG213 ${AT}.protocol`],
    ['a wrong path', one({ protocol: 'example.com/a-b' }), `CFG213 ${AT}.protocol`],
  ],
  'tls is for TLS alone, which needs it': [
    ['passed through', tls({ mode: 'Passthrough' })],
    ['terminated', tls({ mode: 'Terminate', certificateRefs: [{ name: 'cert' }] })],
    ['terminated by default', tls({ certificateRefs: [{ name: 'cert' }] })],
    ['none', one({ protocol: 'TLS' }), `CFG211 ${AT}.tls`],
    ['with TCP', one({ tls: { mode: 'Passthrough' } }), `CFG210 ${AT}.tls`],
    ['without certificate', tls({ mode: 'Terminate' }), `CFG211 ${AT}.tls.certificateRefs`],
    [
      'another mode',
      tls({ mode: 'PASSTHROUGH' }),
      `CFG213 ${AT}.tls.mode`,
      `CFG211 ${AT}.tls.certificateRefs`,
    ],
    [
      'HTTPS passed through',
      one({ protocol: 'HTTPS', tls: { mode: 'Passthrough' } }),
      `CFG210 ${AT}.tls.mode`,
    ],
  ],
  'hostnames are names in lower case': [
    ['a wildcard', tls({ mode: 'Passthrough' }, { hostname: '*.example.com' })],
    ['empty', tls({ mode: 'Passthrough' }, { hostname: '' })],
    ['of TCP', one({ hostname: 'a.example.com' }), `CFG210 ${AT}.hostname`],
    ['in capitals', tls({ mode: 'Passthrough' }, { hostname: 'A.example.com' }), `CFG201 ${AT}.hostname`],
    ['an address', tls({ mode: 'Passthrough' }, { hostname: '10.0.0.1' }), `CFG201 ${AT}.hostname`],
    ['a partial wildcard', tls({ mode: 'Passthrough' }, { hostname: '*a.com' }), `CFG201 ${AT}.hostname`],
  ],
  'routes may come from some namespaces': [
    ['all', one({ allowedRoutes: { namespaces: { from: 'All' } } })],
    [
      'a word that is none',
      one({ allowedRoutes: { namespaces: { from: 'any' } } }),
      `CFG213 ${AT}.allowedRoutes.namespaces.from`,
    ],
    [
      'an operator that is none',
      one({
        allowedRoutes: {
          namespaces: { from: 'Selector', selector: { matchExpressions: [{ key: 'a', operator: 'Is' }] } },
        },
      }),
      `CFG213 ${AT}.allowedRoutes.namespaces.selector.matchExpressions[0].operator`,
    ],
  ],
})

const backends = (...backendRefs: Json[]): Json => ({ rules: [{ backendRefs }] })
const backend = (fields: Json = {}): Json => ({ name: 'db', port: 5432, ...fields })
const REF = 'spec.rules[0].backendRefs[0]'

const OF_BOTH: Readonly<Record<string, readonly Case[]>> = {
  'a rule has backends, and these a port and a weight': [
    ['with weights', backends(backend({ weight: 70 }), backend({ weight: 0 }))],
    ['of another kind, without a port', backends({ group: 'example.com', kind: 'Pool', name: 'db' })],
    ['no rule', { rules: [] }, 'CFG208 spec.rules'],
    ['rules missing', {}, 'CFG103 spec.rules'],
    ['no backend', backends(), 'CFG208 spec.rules[0].backendRefs'],
    [
      '17 backends',
      backends(...Array.from({ length: 17 }, () => backend())),
      'CFG208 spec.rules[0].backendRefs',
    ],
    ['no port', backends({ name: 'db' }), `CFG211 ${REF}.port`],
    ['a weight below 0', backends(backend({ weight: -1 })), `CFG208 ${REF}.weight`],
    ['a weight above a million', backends(backend({ weight: 1_000_001 })), `CFG208 ${REF}.weight`],
    ['half a weight', backends(backend({ weight: 0.5 })), `CFG208 ${REF}.weight`],
    ['filters, which have no layer', backends(backend({ filters: [] })), `CFG102 ${REF}.filters`],
  ],
  'parents are told apart by section or port': [
    [
      'two sections',
      {
        ...backends(backend()),
        parentRefs: [
          { name: 'edge', sectionName: 'a' },
          { name: 'edge', sectionName: 'b' },
        ],
      },
    ],
    [
      'twice the same',
      { ...backends(backend()), parentRefs: [{ name: 'edge' }, { name: 'edge' }] },
      'CFG209 spec.parentRefs[1]',
    ],
    [
      'without a name',
      { ...backends(backend()), parentRefs: [{ kind: 'Gateway' }] },
      'CFG103 spec.parentRefs[0].name',
    ],
  ],
}

rules('TCPRoute', {
  ...OF_BOTH,
  'it has one rule': [
    ['two', { rules: [{ backendRefs: [backend()] }, { backendRefs: [backend()] }] }, 'CFG208 spec.rules'],
    [
      'hostnames, which TCP has none of',
      { ...backends(backend()), hostnames: ['a.com'] },
      'CFG102 spec.hostnames',
    ],
  ],
})
rules(
  'TCPRoute',
  {
    'several rules are allowed, and the first takes all': [
      [
        'two',
        { rules: [{ backendRefs: [backend()] }, { backendRefs: [backend()] }] },
        'CFG252 spec.rules[1]',
      ],
    ],
  },
  'v1alpha2',
)

const named = (...hostnames: unknown[]): Json => ({ ...backends(backend()), hostnames })
rules('TLSRoute', {
  'hostnames are required': [
    ['two', named('a.example.com', '*.example.com')],
    ['none', backends(backend()), 'CFG103 spec.hostnames'],
    ['an empty list', named(), 'CFG208 spec.hostnames'],
    ['an address', named('10.0.0.1'), 'CFG201 spec.hostnames[0]'],
    ['any', named('*'), 'CFG201 spec.hostnames[0]'],
    ['twice', named('a.com', 'a.com'), 'CFG252 spec.hostnames[1]'],
  ],
})
rules('TLSRoute', { 'hostnames may be left out': [['none', backends(backend())]] }, 'v1alpha2')

rules('GatewayClass', {
  'its controller is a domain with a path': [
    ['weir', { controllerName: 'gateway.weir/controller' }],
    ['no path', { controllerName: 'gateway.weir' }, 'CFG213 spec.controllerName'],
    ['none', {}, 'CFG103 spec.controllerName'],
  ],
})

const from = { group: GROUP, kind: 'TCPRoute', namespace: 'shop' }
rules('ReferenceGrant', {
  'it says from where and to what': [
    ['both', { from: [from], to: [{ group: '', kind: 'Service' }] }],
    ['no group', { from: [from], to: [{ kind: 'Service' }] }, 'CFG103 spec.to[0].group'],
    ['from nowhere', { from: [], to: [{ group: '', kind: 'Service' }] }, 'CFG211 spec.from'],
  ],
})

rules('ListenerSet', {
  'it has a parent and listeners': [
    ['both', { parentRef: { name: 'edge' }, listeners: [listener({})] }],
    ['neither', {}, 'CFG103 spec.parentRef', 'CFG103 spec.listeners'],
  ],
})

const policy = (validation: Json, ...targetRefs: Json[]): Json => ({
  targetRefs: targetRefs.length > 0 ? targetRefs : [target({})],
  validation: { hostname: 'db.example.com', ...validation },
})
const target = (fields: Json): Json => ({ group: '', kind: 'Service', name: 'db', ...fields })
const authority = { caCertificateRefs: [{ group: '', kind: 'ConfigMap', name: 'ca' }] }
rules('BackendTLSPolicy', {
  'authorities come from one place': [
    ['a ConfigMap', policy(authority)],
    ['the system', policy({ wellKnownCACertificates: 'System' })],
    ['neither', policy({}), 'CFG211 spec.validation.caCertificateRefs'],
    [
      'both',
      policy({ ...authority, wellKnownCACertificates: 'System' }),
      'CFG210 spec.validation.wellKnownCACertificates',
    ],
  ],
  'its name is whole': [
    ['a wildcard', policy({ ...authority, hostname: '*.example.com' }), 'CFG201 spec.validation.hostname'],
  ],
  'a target is named once, or by its ports': [
    ['two ports', policy(authority, target({ sectionName: 'a' }), target({ sectionName: 'b' }))],
    ['twice', policy(authority, target({}), target({})), 'CFG209 spec.targetRefs[1]'],
    [
      'a port of it too',
      policy(authority, target({}), target({ sectionName: 'a' })),
      'CFG209 spec.targetRefs[1]',
    ],
  ],
  'alternative names have a type': [
    [
      'of each',
      policy({
        ...authority,
        subjectAltNames: [
          { type: 'Hostname', hostname: 'a.com' },
          { type: 'URI', uri: 'spiffe://a/b' },
        ],
      }),
    ],
    [
      'the wrong one',
      policy({ ...authority, subjectAltNames: [{ type: 'URI', hostname: 'a.com' }] }),
      'CFG211 spec.validation.subjectAltNames[0].uri',
      'CFG210 spec.validation.subjectAltNames[0].hostname',
    ],
  ],
})

test('one name in two groups is two kinds, each with its own apiVersion', () => {
  const [found] = findingsOf({ ...of('Gateway', {}), apiVersion: `${GROUP}/v2` })
  equal(found.code, 'CFG105')
  equal(found.hint, `write ${GROUP}/v1`)
  equal(
    findingsOf({ ...of('Gateway', {}), apiVersion: 'networking.istio.i/v1' })[0].hint,
    'write networking.istio.io/v1',
  )
  equal(
    findingsOf({ ...of('Gateway', {}), apiVersion: 'gateway.networking.k8s.i/v1' })[0].hint,
    `write ${GROUP}/v1`,
  )
})

test('what weir ignores is said', () => {
  const spec = {
    ...one({ protocol: 'TLS', tls: { options: { 'a/b': 'c' } } }),
    tls: { frontend: { default: {} } },
  }
  const ignored = findingsOf(of('Gateway', spec)).filter(each => each.code.startsWith('CFG3'))
  deepEqual(
    ignored.map(each => `${each.code} ${each.field}`),
    [`CFG301 ${AT}.tls.options`],
  )
})
