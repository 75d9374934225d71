/** Istio's cases of authorization at layer 4, each a few connections and what becomes of them. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  type Client,
  decide,
  load,
  NOT_EXAMPLE,
  operation,
  source,
  TEN,
  TLS_GATEWAY,
  type Written,
} from '../support/authorizing.ts'

const OTHER = { peer: '192.0.2.1' }
const LOCAL_ONLY = source({ ipBlocks: ['192.0.2.0/24'] })
const GET = ['GET']

/** The cases of Istio at layer 4, in order; without mutual TLS nobody has an identity. */
const CASES: readonly (readonly [string, readonly Written[], readonly (readonly [Client, string])[]])[] = [
  ['1 no policy', [], [[OTHER, 'allow']]],
  ['2 ALLOW without rules', [{ action: 'ALLOW' }], [[OTHER, 'deny']]],
  ['3 ALLOW with an empty rule', [{ action: 'ALLOW', rules: [{}] }], [[OTHER, 'allow']]],
  [
    '4 DENY comes before ALLOW',
    [
      { action: 'DENY', rules: [{}] },
      { action: 'ALLOW', rules: [{}] },
    ],
    [[OTHER, 'deny']],
  ],
  [
    '5 ALLOW ipBlocks',
    [{ action: 'ALLOW', rules: [TEN] }],
    [
      [{ peer: '10.1.1.1' }, 'allow'],
      [OTHER, 'deny'],
    ],
  ],
  ['6 a mapped peer', [{ action: 'ALLOW', rules: [TEN] }], [[{ peer: '::ffff:10.1.1.1' }, 'allow']]],
  [
    '7 ALLOW remoteIpBlocks',
    [{ action: 'ALLOW', rules: [source({ remoteIpBlocks: ['198.51.100.0/24'] })] }],
    [
      [{ peer: '10.1.1.1', client: '198.51.100.9' }, 'allow'],
      [{ peer: '10.1.1.1' }, 'deny'],
    ],
  ],
  [
    '8 two ALLOW policies',
    [
      { action: 'ALLOW', rules: [{ ...TEN, ...operation({ ports: ['7000'] }) }] },
      { action: 'ALLOW', rules: [LOCAL_ONLY] },
    ],
    [
      [{ peer: '192.0.2.1', port: 8000 }, 'allow'],
      [{ peer: '10.1.1.1', port: 8000 }, 'deny'],
    ],
  ],
  [
    '9 DENY notIpBlocks',
    [{ action: 'DENY', rules: [source({ notIpBlocks: ['10.0.0.0/8'] })] }],
    [
      [{ peer: '10.1.1.1' }, 'allow'],
      [OTHER, 'deny'],
    ],
  ],
  [
    '10 ALLOW with methods',
    [{ action: 'ALLOW', rules: [operation({ methods: GET, ports: ['7000'] })] }],
    [[{ port: 7000 }, 'deny']],
  ],
  [
    '11 DENY with methods and ports',
    [{ action: 'DENY', rules: [operation({ methods: GET, ports: ['7000'] })] }],
    [
      [{ port: 7000 }, 'deny'],
      [{ port: 7001 }, 'allow'],
    ],
  ],
  [
    '12 DENY with methods only',
    [{ action: 'DENY', rules: [operation({ methods: GET })] }],
    [[{ port: 8000 }, 'deny']],
  ],
  ['13 ALLOW principals', [{ action: 'ALLOW', rules: [source({ principals: ['*'] })] }], [[OTHER, 'deny']]],
  [
    '14 ALLOW notPrincipals',
    [{ action: 'ALLOW', rules: [source({ notPrincipals: ['td/ns/a/sa/b'] })] }],
    [[OTHER, 'allow']],
  ],
  [
    '15 DENY by server name',
    [{ action: 'DENY', rules: [NOT_EXAMPLE] }],
    [
      [{ port: 8443, sni: 'a.example.com' }, 'allow'],
      [{ port: 8443, sni: 'x.test' }, 'deny'],
      [{ port: 8443 }, 'deny'],
    ],
  ],
  [
    '16 the root namespace',
    [
      {
        in: 'istio-system',
        action: 'DENY',
        selector: { matchLabels: { app: 'edge' } },
        rules: [source({ ipBlocks: ['203.0.113.0/24'] })],
      },
      { action: 'ALLOW', rules: [{}] },
    ],
    [
      [{ peer: '203.0.113.5' }, 'deny'],
      [OTHER, 'allow'],
    ],
  ],
  [
    '17 targetRefs',
    [
      {
        action: 'ALLOW',
        targetRefs: [{ group: 'gateway.networking.k8s.io', kind: 'Gateway', name: 'foo' }],
      },
    ],
    [[OTHER, 'allow']],
  ],
  ['19 AUDIT', [{ action: 'AUDIT', rules: [{}] }], [[OTHER, 'allow, audited']]],
  [
    '20 a DENY that is tried',
    [{ action: 'DENY', dryRun: true, rules: [TEN] }],
    [
      [{ peer: '10.1.1.1' }, 'allow, would deny'],
      [OTHER, 'allow'],
    ],
  ],
]

test('each case of authorization at layer 4 is decided as in Istio', () => {
  for (const [name, policies, connections] of CASES)
    for (const [connection, decision] of connections)
      assert.equal(
        decide(policies, connection, {}, [TLS_GATEWAY]),
        decision,
        `${name}: ${JSON.stringify(connection)}`,
      )
  const custom = { action: 'CUSTOM', provider: { name: 'x' }, rules: [{}] }
  assert.equal(load([custom]).plan, null, '18 a CUSTOM policy that applies is not served')
})
