/** The fields of Gateway API's kinds: their types, and what weir does with each. */

import type { Fields } from '../../validate/known-fields.ts'
import type { Shape } from '../../validate/shape.ts'

type Described = { readonly shape: Shape; readonly fields: Fields }

const served = (names: string): Fields =>
  Object.fromEntries(names.split(' ').map(name => [name, 'served'] as const))

const REFERENCE = { group: 'text', kind: 'text', 'name!': 'text', namespace: 'text' } as const satisfies Shape
const REFERENCE_FIELDS = served('group kind name namespace')

const NAMESPACES: Shape = {
  from: 'text',
  selector: {
    matchLabels: { '*': 'text' },
    matchExpressions: [{ 'key!': 'text', 'operator!': 'text', values: ['text'] }],
  },
}
const NAMESPACES_FIELDS: Fields = {
  from: 'served',
  selector: { matchLabels: 'served', matchExpressions: served('key operator values') },
}

const LISTENERS: Shape = [
  {
    'name!': 'text',
    hostname: 'text',
    'port!': 'port',
    'protocol!': 'text',
    tls: { mode: 'text', certificateRefs: [REFERENCE], options: { '*': 'text' } },
    allowedRoutes: { namespaces: NAMESPACES, kinds: [{ group: 'text', 'kind!': 'text' }] },
  },
]
const LISTENERS_FIELDS: Fields = {
  ...served('name hostname port protocol'),
  tls: { mode: 'served', certificateRefs: REFERENCE_FIELDS, options: 'not served yet' },
  allowedRoutes: { namespaces: NAMESPACES_FIELDS, kinds: served('group kind') },
}

const CERTIFICATE_CHECK: Fields = { validation: 'needs layer 7' }

const PARENTS: Shape = [{ ...REFERENCE, sectionName: 'text', port: 'port' }]
const RULES: Shape = [{ name: 'text', 'backendRefs!': [{ ...REFERENCE, port: 'port', weight: 'number' }] }]
const RULES_FIELDS: Fields = {
  name: 'no effect',
  backendRefs: { ...REFERENCE_FIELDS, ...served('port weight') },
}
const ROUTE_FIELDS: Fields = {
  parentRefs: { ...REFERENCE_FIELDS, ...served('sectionName port') },
  useDefaultGateways: 'not served yet',
  rules: RULES_FIELDS,
}

export const GATEWAY_API_KINDS: Readonly<Record<string, Described>> = {
  GatewayClass: {
    shape: { 'controllerName!': 'text', description: 'text', parametersRef: REFERENCE },
    fields: { controllerName: 'served', description: 'no effect', parametersRef: REFERENCE_FIELDS },
  },
  Gateway: {
    shape: {
      'gatewayClassName!': 'text',
      'listeners!': LISTENERS,
      addresses: [{ type: 'text', value: 'text' }],
      infrastructure: {
        labels: { '*': 'text' },
        annotations: { '*': 'text' },
        parametersRef: { 'group!': 'text', 'kind!': 'text', 'name!': 'text' },
      },
      allowedListeners: { namespaces: NAMESPACES },
    },
    fields: {
      gatewayClassName: 'served',
      listeners: LISTENERS_FIELDS,
      addresses: served('type value'),
      infrastructure: {
        labels: 'no effect',
        annotations: 'no effect',
        parametersRef: served('group kind name'),
      },
      allowedListeners: { namespaces: NAMESPACES_FIELDS },
      tls: {
        frontend: {
          default: CERTIFICATE_CHECK,
          perPort: ['needs layer 7', { port: 'no effect', tls: CERTIFICATE_CHECK }],
        },
        backend: { clientCertificateRef: 'not served yet' },
      },
      defaultScope: 'not served yet',
    },
  },
  ListenerSet: {
    shape: { 'parentRef!': REFERENCE, 'listeners!': LISTENERS },
    fields: { parentRef: REFERENCE_FIELDS, listeners: LISTENERS_FIELDS },
  },
  TCPRoute: { shape: { parentRefs: PARENTS, 'rules!': RULES }, fields: ROUTE_FIELDS },
  TLSRoute: {
    shape: { parentRefs: PARENTS, hostnames: ['text'], 'rules!': RULES },
    fields: { ...ROUTE_FIELDS, hostnames: 'served' },
  },
  ReferenceGrant: {
    shape: {
      'from!': [{ 'group!': 'text', 'kind!': 'text', 'namespace!': 'text' }],
      'to!': [{ 'group!': 'text', 'kind!': 'text', name: 'text' }],
    },
    fields: { from: served('group kind namespace'), to: served('group kind name') },
  },
  BackendTLSPolicy: {
    shape: {
      'targetRefs!': [{ 'group!': 'text', 'kind!': 'text', 'name!': 'text', sectionName: 'text' }],
      'validation!': {
        'hostname!': 'text',
        caCertificateRefs: [{ 'group!': 'text', 'kind!': 'text', 'name!': 'text' }],
        wellKnownCACertificates: 'text',
        subjectAltNames: [{ 'type!': 'text', hostname: 'text', uri: 'text' }],
      },
      options: { '*': 'text' },
    },
    fields: {
      targetRefs: served('group kind name sectionName'),
      validation: {
        ...served('hostname wellKnownCACertificates'),
        caCertificateRefs: served('group kind name'),
        subjectAltNames: served('type hostname uri'),
      },
      options: 'not served yet',
    },
  },
}
