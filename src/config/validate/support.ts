/**
 * Where weir differs from Istio, beyond single fields: http routes, weir's annotations, and
 * attributes that the ambient profile lacks.
 */

import { CHECK_KINDS } from '../../table/plan/health-check.ts'
import { ON_DEAD, SPLITS } from '../../table/plan/plan.ts'
import { PROXY_TLVS } from '../../table/plan/policy.ts'
import { formatPath } from '../findings/diagnostic.ts'
import { quote } from '../findings/quote.ts'
import { didYouMean } from '../findings/suggest.ts'
import { ALPN, readAlpn } from '../plan/alpn.ts'
import {
  ATTEMPTS_MAX,
  CONNECT_ATTEMPTS,
  CONNECT_DEADLINE,
  readAttempts,
  readDeadlineMs,
} from '../plan/dialing.ts'
import { HEALTH_CHECK, readHealthCheck } from '../plan/health-check.ts'
import { ON_REMOVE, ON_REMOVE_WORDS, readOnRemove } from '../plan/on-remove.ts'
import { PROXY_TLVS_NAME, readProxyTlvs } from '../plan/proxy-tlvs.ts'
import { TERMINATED, TLS_ROUTES } from '../plan/servers.ts'
import { PER_SOURCE, readSourceLimit } from '../plan/source-limits.ts'
import { readStarttls, STARTTLS } from '../plan/starttls.ts'
import { KEEPALIVE, readKeepalive, readTimeout, USER_TIMEOUT, WRITE_TIMEOUT } from '../plan/tcp-times.ts'
import { connectionRoute } from './connection-route.ts'
import type { Field } from './field.ts'

const PREFIX = 'gateway.weir/'
const SPLIT = `${PREFIX}split`
const ON_DEAD_NAME = `${PREFIX}on-dead`

/** The allowed values of an annotation, in words for a message, and the check. */
type Rule = {
  readonly may: string
  readonly is: (text: string) => boolean
  readonly words: readonly string[]
}

const oneOf = (words: readonly string[]): Rule => ({
  may: words.join(', '),
  is: text => words.includes(text),
  words,
})

const TIMEOUT: Rule = {
  may: 'a duration up to 24h, 0s for none',
  is: text => readTimeout(text) !== null,
  words: [],
}

const PROTOCOLS: Rule = {
  may: 'names of protocols in order of preference, like "h2,http/1.1"',
  is: text => readAlpn(text) !== null,
  words: [],
}

const OF_ROUTES: Readonly<Record<string, Rule>> = {
  [SPLIT]: oneOf(SPLITS),
  [ON_DEAD_NAME]: oneOf(ON_DEAD),
}

const KNOWN: Readonly<Record<string, Readonly<Record<string, Rule>>>> = {
  VirtualService: OF_ROUTES,
  TCPRoute: OF_ROUTES,
  TLSRoute: OF_ROUTES,
  Gateway: {
    [PER_SOURCE]: {
      may: 'like "connections=100;rate=10;burst=20"',
      is: text => readSourceLimit(text) !== null,
      words: [],
    },
    [KEEPALIVE]: {
      may: 'off, or like "time=60s;interval=15s;probes=4"',
      is: text => readKeepalive(text) !== undefined,
      words: ['off'],
    },
    [USER_TIMEOUT]: TIMEOUT,
    [ALPN]: PROTOCOLS,
    [TLS_ROUTES]: { may: TERMINATED, is: text => text === TERMINATED, words: [TERMINATED] },
    [STARTTLS]: {
      may: 'postgres, or 5432=postgres for one port',
      is: text => readStarttls(text) !== null,
      words: ['postgres'],
    },
  },
  DestinationRule: {
    [ALPN]: PROTOCOLS,
    [CONNECT_ATTEMPTS]: {
      may: `a whole number from 1 to ${ATTEMPTS_MAX}`,
      is: text => readAttempts(text) !== null,
      words: [],
    },
    [USER_TIMEOUT]: TIMEOUT,
    [WRITE_TIMEOUT]: TIMEOUT,
    [HEALTH_CHECK]: {
      may: 'like "tcp;interval=2s;timeout=1s;rise=2;fall=3", with one of tcp, tls, postgres, mysql, redis, smtp',
      is: text => readHealthCheck(text) !== null,
      words: CHECK_KINDS,
    },
    [ON_REMOVE]: {
      may: 'keep, close, or like "close;over=30s" with a duration up to 24h',
      is: text => readOnRemove(text) !== undefined,
      words: ON_REMOVE_WORDS,
    },
    [PROXY_TLVS_NAME]: {
      may: `some of ${PROXY_TLVS.join(', ')}`,
      is: text => readProxyTlvs(text) !== null,
      words: PROXY_TLVS,
    },
    [CONNECT_DEADLINE]: {
      may: 'a duration from 1ms to 1h',
      is: text => readDeadlineMs(text) !== null,
      words: [],
    },
  },
}

const DRY_RUN = 'istio.io/dry-run'

/** Annotations that istiod's webhook refuses, on every kind but AuthorizationPolicy, or on all. */
const REFUSED = [
  DRY_RUN,
  'internal.istio.io/webhook-always-reject',
  'internal.istio.io/parents',
  'internal.istio.io/parent-namespace',
]

/** Attributes that a layer-4 proxy of an ambient mesh does not match. */
const SIDECAR_ONLY = ['destinationSubnets', 'port', 'sourceLabels', 'sourceNamespace']

export function checkAnnotations(root: Field, kind: string): void {
  const known = KNOWN[kind] ?? {}
  for (const [name, annotation] of root.get('metadata').get('annotations').entries) {
    if (REFUSED.includes(name) && !(name === DRY_RUN && kind === 'AuthorizationPolicy')) {
      annotation.report('CFG219', `a ${kind} cannot have the annotation ${quote(name)}`)
    }
    if (!name.startsWith(PREFIX)) continue
    if (!Object.hasOwn(known, name)) {
      annotation.report(
        'CFG307',
        `annotation ${quote(name)} is not known on a ${kind}`,
        didYouMean(name, Object.keys(known)),
      )
    } else if (annotation.text !== undefined && !known[name].is(annotation.text)) {
      const { may, words } = known[name]
      const message = `${name} must be ${may}, not ${quote(annotation.text)}`
      annotation.report('CFG219', message, didYouMean(annotation.text, words))
    }
  }
}

/** Reports for each http route whether it routes connections or is ignored. */
export function checkHttpSupport(spec: Field): void {
  const served = connectionRoute(spec.value)
  for (const route of spec.get('http').items) {
    if (route.value === served && served !== null) {
      route.report('CFG304', `${route.name} routes connections by its weights, which Istio would not do`)
    } else {
      route.report(
        'CFG303',
        `${route.name} needs layer 7; weir ignores it`,
        'write routes of connections under tcp',
      )
    }
  }
}

/** In ambient mode, only `gateways` is matched, and routes have one destination. */
export function checkAmbient(spec: Field): void {
  for (const route of [...spec.get('tcp').items, ...spec.get('tls').items]) {
    for (const match of route.get('match').items) {
      for (const name of SIDECAR_ONLY) {
        const field = match.get(name)
        if (field.absent) continue
        field.report('CFG220', `${name} is not supported in the ambient profile`, 'match by gateways only')
      }
    }
    const destinations = route.get('route')
    if (destinations.items.length > 1) {
      const message = `${formatPath(destinations.path)} has several destinations: weighted routing is a sidecar-mode feature`
      destinations.report('CFG308', message)
    }
  }
}
