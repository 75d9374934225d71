/**
 * Goal: no endpoint takes one type for another: a body has JSON types, and only a query is read
 * from text. Method: every endpoint of /openapi.json, so that a new one is included; each field in
 * turn with wrong types.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import Fastify from 'fastify'
import { reading, scene, talking } from './scene.ts'

type Property = {
  readonly type?: string | readonly string[]
  readonly enum?: readonly unknown[]
  readonly minimum?: number
}
type Fields = {
  readonly properties?: Readonly<Record<string, Property>>
  readonly required?: readonly string[]
}
type Operation = {
  readonly requestBody?: { readonly content: { readonly 'application/json': { readonly schema: Fields } } }
  readonly responses: Readonly<
    Record<string, { readonly content?: { readonly 'application/json'?: { readonly schema: object } } }>
  >
  readonly parameters?: readonly { readonly in: string; readonly name: string; readonly schema: Property }[]
}

/** Something of each type that JSON has, and what looks like one and is another. */
const VALUES: readonly unknown[] = [
  null,
  true,
  false,
  'true',
  '1',
  '0',
  1,
  0.5,
  [],
  [1],
  ['all'],
  {},
  '',
  ' ',
]

function isOf(value: unknown, { type, minimum }: Property): boolean {
  return [type].flat().some(each => {
    if (each === 'integer') return Number.isInteger(value) && (value as number) >= (minimum ?? 0)
    if (each === 'null') return value === null
    if (each === 'array') return Array.isArray(value)
    if (each === 'object') return Object.prototype.toString.call(value) === '[object Object]'
    return typeof value === each
  })
}

const some = ({ type, enum: words, minimum = 1 }: Property): unknown =>
  words?.[0] ?? (type === 'string' ? 'a' : type === 'boolean' ? true : type === 'array' ? [] : minimum)

test('a body’s field of another type is refused, at every endpoint', async () => {
  const { get, send } = await reading()
  const { paths } = (await get('/openapi.json')).body as { paths: Record<string, Record<string, Operation>> }
  let tried = 0
  for (const [path, operations] of Object.entries(paths)) {
    for (const [method, { requestBody }] of Object.entries(operations)) {
      const { properties = {}, required = [] } = requestBody?.content['application/json'].schema ?? {}
      const whole = Object.fromEntries(required.map(name => [name, some(properties[name])]))
      for (const [name, property] of Object.entries(properties)) {
        for (const value of VALUES.filter(each => !isOf(each, property))) {
          const line = `${method.toUpperCase()} ${path}`
          const { status, body } = await send(line, { ...whole, [name]: value })
          assert.deepEqual(
            [status, body.code],
            [400, 'bad-request'],
            `${line} ${name}: ${JSON.stringify(value)}`,
          )
          tried++
        }
      }
    }
  }
  assert.ok(tried > 50, `${tried} tried`)
})

test('every schema of a request is JSON Schema, which a gateway does not look at again', async () => {
  const { get } = await reading()
  const { paths } = (await get('/openapi.json')).body as { paths: Record<string, Record<string, Operation>> }
  const operations = Object.values(paths).flatMap(each => Object.values(each))
  const schemas = operations.flatMap(({ requestBody, parameters = [] }) => [
    ...(requestBody ? [requestBody.content['application/json'].schema] : []),
    ...parameters.map(({ name, schema }) => ({ type: 'object', properties: { [name]: schema } })),
  ])
  assert.ok(schemas.length > 20)
  await compiled(schemas.map(schema => ({ body: schema })))
  await assert.rejects(() =>
    compiled([{ body: { type: 'object', properties: { a: { type: 'nonsense' } } } }]),
  )
})

test('every answer has a schema that can be compiled, which a gateway does when it is first asked for', async () => {
  const { get } = await reading()
  const { paths } = (await get('/openapi.json')).body as { paths: Record<string, Record<string, Operation>> }
  const operations = Object.values(paths).flatMap(each => Object.values(each))
  const schemas = operations.flatMap(({ responses }) =>
    Object.values(responses).flatMap(({ content }) => content?.['application/json']?.schema ?? []),
  )
  assert.ok(schemas.length > 40, `${schemas.length} schemas`)
  await compiled(schemas.map(schema => ({ response: { 200: schema } })))
  await assert.rejects(() => compiled([{ response: { 200: { $ref: 'nowhere#' } } }]))
})

/** Endpoints with these schemas, of a fastify that compiles all at once. */
async function compiled(schemas: readonly object[]): Promise<void> {
  const app = Fastify()
  for (const [index, schema] of schemas.entries()) app.post(`/${index}`, { schema }, async () => '')
  await app.ready()
}

test('a query’s number and truth are read as JSON writes them, and nothing else is, at every endpoint', async () => {
  const { get } = await reading()
  const { paths } = (await get('/openapi.json')).body as { paths: Record<string, Record<string, Operation>> }
  const wrong = {
    integer: ['', 'x', '0x10', '1e1', '+1', ' 1', '1 ', '01', '1.5', 'null', 'true', '1&%=1', '[1]'],
    boolean: ['', '1', '0', 'TRUE', 'yes', 'null', ' true'],
  } as const
  let tried = 0
  for (const [path, { get: operation }] of Object.entries(paths)) {
    for (const { name, schema, in: where } of operation?.parameters ?? []) {
      const values = wrong[schema.type as keyof typeof wrong] ?? []
      if (where !== 'query') continue
      for (const value of values) {
        const query = `${name}=${value.includes('&') ? value.replace('%', name) : encodeURIComponent(value)}`
        const { status } = await get(`${path}?${query}`)
        assert.equal(status, 400, `${path}?${query}`)
        tried++
      }
    }
  }
  assert.ok(tried > 50, `${tried} tried`)
  assert.equal((await get('/connections?limit=1&generation=1')).status, 200)
  assert.equal((await get('/routes?hit=true&limit=10')).status, 200)
})

test('what was coerced once resets nobody', async t => {
  const { send, get, port } = await scene(t)
  await talking(t, port)
  const bodies = [
    { select: 'matching', overS: 0, generation: true },
    { select: 'matching', overS: 0, generation: '1' },
    { select: 'matching', overS: '0', generation: 1 },
    { select: 'matching', overS: false, generation: 1 },
    { select: ['all'], overS: 0 },
    { select: 'matching', overS: null, rule: 'default/all' },
  ]
  for (const body of bodies) assert.equal((await send('POST /drain', body)).status, 400, JSON.stringify(body))
  assert.deepEqual((await get('/drain')).body, { drains: [] })
  assert.equal((await get('/connections')).body.total, 1)
})
