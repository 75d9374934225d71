/** The rules for http routes of a VirtualService, which weir checks though it serves no layer 7. */

import { type Json, rules } from './validate-kit.ts'

const route = [{ destination: { host: 'd' } }]
const http = (...routes: Json[]): Json => ({ hosts: ['a.com'], gateways: ['ns/gw'], http: routes })
const one = (fields: Json): Json => http({ route, ...fields })
const only = (fields: Json): Json => http(fields)
const match = (fields: Json): Json => one({ match: [fields] })
const request = (operations: Json): Json => one({ headers: { request: operations } })
const response = (operations: Json): Json => one({ headers: { response: operations } })
const value = (text: string): Json => request({ set: { 'x-a': text } })
const redirect = (fields: Json): Json => only({ redirect: fields })
const respond = (fields: Json): Json => only({ directResponse: fields })
const regex = (text: string): Json => match({ uri: { regex: text } })
const prefixes = (...matches: Json[]): Json => http(...matches.map(each => ({ match: [each], route })))
const uri = (prefix: string, more: Json = {}): Json => ({ uri: { prefix }, ...more })

const ROUTE = 'spec.http[0]'
const MATCH = `${ROUTE}.match[0]`
const VALUE = `CFG216 ${ROUTE}.headers.request.set.x-a`
const URI = `CFG215 ${MATCH}.uri.regex`

rules('VirtualService', {
  'an http route does one thing': [
    ['it routes', one({})],
    ['it redirects', redirect({ uri: '/b' })],
    ['it responds', respond({ status: 200 })],
    ['nothing', only({}), `CFG211 ${ROUTE}`],
    ['an empty route', only({ route: [] }), `CFG211 ${ROUTE}`],
    ['it routes and redirects', one({ redirect: { uri: '/b' } }), `CFG210 ${ROUTE}.route`],
    [
      'it redirects and rewrites',
      only({ redirect: { uri: '/b' }, rewrite: { uri: '/c' } }),
      `CFG210 ${ROUTE}.rewrite`,
    ],
    [
      'it redirects and fails',
      only({ redirect: { uri: '/b' }, fault: { abort: { httpStatus: 500 } } }),
      `CFG210 ${ROUTE}.fault`,
    ],
    ['it responds and routes', one({ directResponse: { status: 200 } }), `CFG210 ${ROUTE}.route`],
    [
      'mirror and mirrors',
      one({ mirror: { host: 'm' }, mirrors: [{ destination: { host: 'm' } }] }),
      `CFG210 ${ROUTE}.mirrors`,
    ],
    [
      'a bad destination',
      one({ route: [{ destination: { host: '*' } }] }),
      `CFG201 ${ROUTE}.route[0].destination.host`,
    ],
    ['no weight', one({ route: [...route, ...route] }), `CFG206 ${ROUTE}.route`],
  ],
  delegates: [
    ['a root', only({ delegate: { name: 'b' } })],
    ['a root that routes', one({ delegate: { name: 'b' } }), `CFG210 ${ROUTE}.route`],
    [
      'a root that redirects',
      only({ delegate: { name: 'b' }, redirect: { uri: '/' } }),
      `CFG210 ${ROUTE}.redirect`,
    ],
    ['a root with no route', only({ delegate: { name: 'b' }, route: [] })],
    ['a delegate', { http: [{ route }] }],
    ['a delegate of a delegate', { http: [{ route, delegate: { name: 'b' } }] }, `CFG210 ${ROUTE}.delegate`],
  ],
  'matches of headers': [
    ['plain', match({ headers: { 'x-a': { exact: 'b' } } })],
    ['each character of a token', match({ headers: { "a.B1!#$%&'*+-^_`|~": { exact: 'b' } } })],
    ['a pseudo-header', match({ withoutHeaders: { ':authority': { exact: 'b' } } })],
    ['no such one', match({ headers: { ':host': { exact: 'b' } } }), `CFG216 ${MATCH}.headers[":host"]`],
    ['a bad name', match({ headers: { 'x a': { exact: 'b' } } }), `CFG216 ${MATCH}.headers["x a"]`],
    ['no name', match({ headers: { '': { exact: 'b' } } }), `CFG216 ${MATCH}.headers[""]`],
    ['an empty prefix', match({ headers: { a: { prefix: '' } } }), `CFG211 ${MATCH}.headers.a.prefix`],
    ['a claim', match({ headers: { '@request.auth.claims.group': { exact: 'b' } } })],
    ['a claim in brackets', match({ headers: { '@request.auth.claims[a][b]': { exact: 'b' } } })],
    [
      'no claim',
      match({ headers: { '@request.auth.claims': { exact: 'b' } } }),
      `CFG216 ${MATCH}.headers["@request.auth.claims"]`,
    ],
    [
      'a claim in the mesh',
      {
        hosts: ['a.com'],
        http: [{ match: [{ withoutHeaders: { '@request.auth.claims.a': { exact: 'b' } } }], route }],
      },
      `CFG210 ${MATCH}.withoutHeaders["@request.auth.claims.a"]`,
    ],
    ['"*" without', match({ withoutHeaders: { a: { regex: '*' } } })],
    ['"*" with', match({ headers: { a: { regex: '*' } } }), `CFG215 ${MATCH}.headers.a.regex`],
    ['two kinds', match({ uri: { exact: '/', prefix: '/' } }), `CFG104 ${MATCH}.uri`],
  ],
  'other matches': [
    ['an empty uri prefix', match({ uri: { prefix: '' } })],
    ['an empty method prefix', match({ method: { prefix: '' } }), `CFG211 ${MATCH}.method.prefix`],
    [
      'an empty parameter prefix',
      match({ queryParams: { a: { prefix: '' } } }),
      `CFG211 ${MATCH}.queryParams.a.prefix`,
    ],
    ['a bad port', match({ port: 70000 }), `CFG202 ${MATCH}.port`],
    ['a bad label', match({ sourceLabels: { '^': 'a' } }), `CFG204 ${MATCH}.sourceLabels["^"]`],
    ['a bad gateway', match({ gateways: ['/a'] }), `CFG205 ${MATCH}.gateways[0]`],
    ['a bad namespace', match({ sourceNamespace: 'a_b' }), `CFG217 ${MATCH}.sourceNamespace`],
  ],
  'regular expressions are RE2': [
    ['plain', regex('^/api/v[0-9]+/.*$')],
    ['flags', regex('(?i)/a')],
    ['a named group', regex('(?P<id>[a-z]{2,10})')],
    ['classes', regex('[[:alpha:]]\\d\\p{Greek}')],
    ['a quotation', regex('\\Q[\\E')],
    ['nothing', regex(''), URI],
    ['an open class', regex('[a'), URI],
    ['an open group', regex('(a'), URI],
    ['nothing to repeat', regex('*a'), URI],
    ['a look-ahead', regex('(?!a)b'), URI],
    ['a look-behind', regex('(?<=a)b'), URI],
    ['a back reference', regex('(a)\\1'), URI],
    ['an unknown escape', regex('\\y'), URI],
    ['a count too large', regex('a{1001}'), URI],
    ['1024 characters', regex('a'.repeat(1024))],
    ['1025 characters', regex('a'.repeat(1025)), URI],
  ],
  'headers that are set': [
    ['plain', request({ set: { a: 'b' }, add: { c: 'd' }, remove: ['e'] })],
    ['the authority', request({ set: { ':authority': 'b' } })],
    ['the host', request({ set: { Host: 'b' } })],
    ['the path', request({ set: { ':path': 'b' } }), `CFG216 ${ROUTE}.headers.request.set[":path"]`],
    ['no name', request({ add: { '': 'b' } }), `CFG216 ${ROUTE}.headers.request.add[""]`],
    ['the host removed', request({ remove: ['host'] }), `CFG216 ${ROUTE}.headers.request.remove[0]`],
    [
      'the authority of a response',
      response({ set: { ':authority': 'b' } }),
      `CFG216 ${ROUTE}.headers.response.set[":authority"]`,
    ],
    [
      'of a destination',
      one({ route: [{ ...route[0], headers: { request: { remove: [''] } } }] }),
      `CFG216 ${ROUTE}.route[0].headers.request.remove[0]`,
    ],
    [
      'the authority twice',
      request({ set: { ':authority': 'a' }, add: { host: 'b' } }),
      `CFG210 ${ROUTE}.headers.request.add.host`,
    ],
    [
      'the authority rewritten too',
      one({ rewrite: { authority: 'a' }, headers: { request: { set: { host: 'b' } } } }),
      `CFG210 ${ROUTE}.headers.request.set.host`,
    ],
  ],
  'values of headers close their variables': [
    ['plain', value('b')],
    ['empty', value('')],
    ['a tab', value('a\tb')],
    ['a variable', value('a %HOSTNAME% b')],
    ['a doubled %', value('100%%')],
    ['an argument', value('%START_TIME(%s)%')],
    ['arguments', value('%DYNAMIC_METADATA(["a", "b"])%')],
    ['an escape', value('%A(["a\\"b"])%')],
    ['a single %', value('100%'), VALUE],
    ['an open variable', value('%HOSTNAME'), VALUE],
    ['a third %', value('%A%%'), VALUE],
    ['no comma', value('%A(["a" "b"])%'), VALUE],
    ['no quote', value('%A([a])%'), VALUE],
    ['something after the arguments', value('%A(b)c%'), VALUE],
    ['no parenthesis', value('%A(["b"]]%'), VALUE],
    ['a control character', value('a\nb'), VALUE],
  ],
  redirects: [
    ['a port', redirect({ port: 80 })],
    ['a derived port', redirect({ derivePort: 'FROM_REQUEST_PORT' })],
    ['both ports', redirect({ port: 80, derivePort: 'FROM_REQUEST_PORT' }), `CFG104 ${ROUTE}.redirect`],
    ['nothing', redirect({}), `CFG211 ${ROUTE}.redirect`],
    ['a code', redirect({ uri: '/', redirectCode: 308 })],
    ['no redirect code', redirect({ uri: '/', redirectCode: 200 }), `CFG208 ${ROUTE}.redirect.redirectCode`],
    ['another scheme', redirect({ scheme: 'ftp' }), `CFG213 ${ROUTE}.redirect.scheme`],
    ['a prefix', redirect({ prefixRewrite: '/b' })],
    ['a prefix where a prefix matches', only({ match: [uri('/a')], redirect: { prefixRewrite: '/b' } })],
    [
      'a prefix where a whole path matches',
      only({ match: [uri('/a'), { uri: { exact: '/a' } }], redirect: { prefixRewrite: '/b' } }),
      `CFG210 ${ROUTE}.match[1].uri`,
    ],
    [
      'a prefix and a uri',
      redirect({ uri: '/', prefixRewrite: '/b' }),
      `CFG210 ${ROUTE}.redirect.prefixRewrite`,
    ],
    [
      'a prefix of another type',
      redirect({ uri: '/', prefixRewrite: 5 }),
      `CFG101 ${ROUTE}.redirect.prefixRewrite`,
    ],
    ['a port too large', redirect({ port: 70000 }), `CFG202 ${ROUTE}.redirect.port`],
  ],
  'direct responses': [
    ['a body', respond({ status: 503, body: { string: 'x' } })],
    ['no status', respond({}), `CFG103 ${ROUTE}.directResponse.status`],
    ['a low status', respond({ status: 199 }), `CFG208 ${ROUTE}.directResponse.status`],
    [
      'a large body',
      respond({ status: 200, body: { string: 'x'.repeat(200_000) } }),
      `CFG253 ${ROUTE}.directResponse.body`,
    ],
    [
      'too large a body',
      respond({ status: 200, body: { string: 'x'.repeat(1_100_000) } }),
      `CFG208 ${ROUTE}.directResponse.body`,
    ],
  ],
  rewrites: [
    ['an authority', one({ rewrite: { authority: 'a' } })],
    ['an expression', one({ rewrite: { uriRegexRewrite: { match: 'a', rewrite: 'b' } } })],
    ['nothing', one({ rewrite: {} }), `CFG211 ${ROUTE}.rewrite`],
    [
      'both',
      one({ rewrite: { uri: '/', uriRegexRewrite: { match: 'a', rewrite: 'b' } } }),
      `CFG210 ${ROUTE}.rewrite`,
    ],
    [
      'half an expression',
      one({ rewrite: { uriRegexRewrite: { match: 'a' } } }),
      `CFG211 ${ROUTE}.rewrite.uriRegexRewrite`,
    ],
    [
      'a bad expression',
      one({ rewrite: { uriRegexRewrite: { match: '(', rewrite: 'b' } } }),
      `CFG215 ${ROUTE}.rewrite.uriRegexRewrite.match`,
    ],
  ],
  mirrors: [
    ['one', one({ mirror: { host: 'm' }, mirrorPercentage: { value: 12.5 } })],
    ['a bad host', one({ mirror: { host: '*' } }), `CFG201 ${ROUTE}.mirror.host`],
    ['more than 100', one({ mirrorPercentage: { value: 101 } }), `CFG208 ${ROUTE}.mirrorPercentage.value`],
    ['the deprecated percentage', one({ mirrorPercent: 50 }), `CFG251 ${ROUTE}.mirrorPercent`],
    [
      'several',
      one({ mirrors: [{ destination: { host: 'm' }, percentage: { value: -1 } }] }),
      `CFG208 ${ROUTE}.mirrors[0].percentage.value`,
    ],
  ],
  faults: [
    ['an abort', one({ fault: { abort: { httpStatus: 500, percentage: { value: 0.1 } } } })],
    ['a gRPC abort', one({ fault: { abort: { grpcStatus: 'NOT_FOUND' } } })],
    ['a delay', one({ fault: { delay: { fixedDelay: '5s' } } })],
    ['nothing', one({ fault: {} }), `CFG211 ${ROUTE}.fault`],
    [
      'a low status',
      one({ fault: { abort: { httpStatus: 100 } } }),
      `CFG208 ${ROUTE}.fault.abort.httpStatus`,
    ],
    [
      'an unknown status',
      one({ fault: { abort: { grpcStatus: 'LOST' } } }),
      `CFG213 ${ROUTE}.fault.abort.grpcStatus`,
    ],
    [
      'an HTTP/2 error',
      one({ fault: { abort: { http2Error: 'x' } } }),
      `CFG210 ${ROUTE}.fault.abort.http2Error`,
    ],
    [
      'too small a share',
      one({ fault: { abort: { httpStatus: 500, percentage: { value: 0.00001 } } } }),
      `CFG208 ${ROUTE}.fault.abort.percentage.value`,
    ],
    [
      'a delay of 0',
      one({ fault: { delay: { fixedDelay: '0s' } } }),
      `CFG207 ${ROUTE}.fault.delay.fixedDelay`,
    ],
    [
      'an exponential delay',
      one({ fault: { delay: { exponentialDelay: '1s' } } }),
      `CFG210 ${ROUTE}.fault.delay.exponentialDelay`,
    ],
  ],
  'retries and timeouts': [
    [
      'all',
      one({
        timeout: '10s',
        retries: { attempts: 3, perTryTimeout: '2s', retryOn: '5xx,gateway-error,503' },
      }),
    ],
    ['none', one({ retries: { attempts: 0 } })],
    ['set up, but off', one({ retries: { attempts: 0, retryOn: '5xx' } }), `CFG210 ${ROUTE}.retries`],
    ['negative', one({ retries: { attempts: -1 } }), `CFG208 ${ROUTE}.retries.attempts`],
    [
      'an unknown policy',
      one({ retries: { attempts: 1, retryOn: '5xx,never' } }),
      `CFG213 ${ROUTE}.retries.retryOn`,
    ],
    ['a space', one({ retries: { attempts: 1, retryOn: '5xx, reset' } }), `CFG213 ${ROUTE}.retries.retryOn`],
    ['no status', one({ retries: { attempts: 1, retryOn: '999' } }), `CFG213 ${ROUTE}.retries.retryOn`],
    ['a timeout of 0', one({ timeout: '0s' }), `CFG207 ${ROUTE}.timeout`],
  ],
  CORS: [
    [
      'all',
      one({
        corsPolicy: {
          allowOrigins: [{ exact: 'a' }],
          allowMethods: ['GET', '*'],
          allowHeaders: ['*'],
          maxAge: '24h',
        },
      }),
    ],
    [
      'an empty origin',
      one({ corsPolicy: { allowOrigins: [{ exact: '' }] } }),
      `CFG211 ${ROUTE}.corsPolicy.allowOrigins[0]`,
    ],
    [
      'a bad origin',
      one({ corsPolicy: { allowOrigins: [{ regex: '(' }] } }),
      `CFG215 ${ROUTE}.corsPolicy.allowOrigins[0].regex`,
    ],
    [
      'an unknown method',
      one({ corsPolicy: { allowMethods: ['get'] } }),
      `CFG213 ${ROUTE}.corsPolicy.allowMethods[0]`,
    ],
    [
      'a bad header',
      one({ corsPolicy: { exposeHeaders: ['a b'] } }),
      `CFG216 ${ROUTE}.corsPolicy.exposeHeaders[0]`,
    ],
    [
      'an age finer than seconds',
      one({ corsPolicy: { maxAge: '1.5s' } }),
      `CFG207 ${ROUTE}.corsPolicy.maxAge`,
    ],
  ],
  'http matches that can never be used are named': [
    ['a longer prefix first', prefixes(uri('/a/b'), uri('/a'))],
    ['a shorter prefix first', prefixes(uri('/a'), uri('/a/b')), 'IST0131 spec.http[1].match[0]'],
    ['another port', prefixes(uri('/a', { port: 1 }), uri('/a/b', { port: 2 }))],
    [
      'another method',
      prefixes(uri('/a', { method: { exact: 'GET' } }), uri('/a/b', { method: { exact: 'PUT' } })),
    ],
    ['more headers', prefixes(uri('/a'), uri('/a/b', { headers: { x: { exact: '1' } } }))],
    [
      'the same headers',
      prefixes(
        uri('/a', { headers: { x: { exact: '1' } } }),
        uri('/a/b', { headers: { x: { exact: '1' } } }),
      ),
      'IST0131 spec.http[1].match[0]',
    ],
    [
      'the same but for its name',
      prefixes(uri('/a', { name: 'one' }), uri('/a', { name: 'two' })),
      'IST0131 spec.http[1].match[0]',
      'IST0130 spec.http[1]',
    ],
    ['after a route without match', http({ route }, { match: [uri('/a')], route }), 'IST0130 spec.http[1]'],
  ],
})
