/**
 * Structure: whether a resource has the types and values of Istio's CRD schema.
 *
 * The validators are those that @kubernetes-models/istio made of Istio's own schemas. This module
 * turns Ajv's errors into one sentence for each mistake, at its field. The schema's CEL rules are
 * not in them (they are among the checks of meaning), nor are unknown fields (known-fields.ts).
 */

import { DestinationRule } from '@kubernetes-models/istio/networking.istio.io/v1/DestinationRule'
import { Gateway } from '@kubernetes-models/istio/networking.istio.io/v1/Gateway'
import { ServiceEntry } from '@kubernetes-models/istio/networking.istio.io/v1/ServiceEntry'
import { VirtualService } from '@kubernetes-models/istio/networking.istio.io/v1/VirtualService'
import { WorkloadEntry } from '@kubernetes-models/istio/networking.istio.io/v1/WorkloadEntry'
import { describe, quote } from '../findings/quote.ts'
import { didYouMean } from '../findings/suggest.ts'
import { AUTHORIZATION_SHAPE } from './authorization-policy.ts'
import { type Field, isObject } from './field.ts'
import { PEER_AUTHENTICATION_SHAPE } from './peer-authentication.ts'
import { checkShape } from './shape.ts'

/** All API versions of a kind have one schema. */
const MODELS = { DestinationRule, Gateway, ServiceEntry, VirtualService, WorkloadEntry }
type Modelled = keyof typeof MODELS

/** Kinds with few fields, some newer than the models; they load no schema. */
const SHAPES = {
  AuthorizationPolicy: AUTHORIZATION_SHAPE,
  PeerAuthentication: PEER_AUTHENTICATION_SHAPE,
} as const
const API_VERSION = 'networking.istio.io/v1'

export type IstioKind = Modelled | keyof typeof SHAPES

const isModelled = (kind: IstioKind): kind is Modelled => Object.hasOwn(MODELS, kind)

type SchemaError = {
  readonly instancePath: string
  readonly keyword: string
  readonly params: Readonly<Record<string, unknown>>
}

/**
 * Fields of which an object can have only one (`oneof` in Istio's protos); Ajv does not name them.
 */
const CHOICES: readonly (readonly string[])[] = [
  ['exact', 'prefix', 'regex'],
  ['string', 'bytes'],
  ['httpStatus', 'grpcStatus', 'http2Error'],
  ['fixedDelay', 'exponentialDelay'],
  ['port', 'derivePort'],
  ['simple', 'consistentHash'],
  ['httpHeaderName', 'httpCookie', 'useSourceIp', 'httpQueryParameterName'],
  ['ringHash', 'maglev'],
]

const TYPES: Readonly<Record<string, string>> = {
  array: 'a list',
  boolean: 'true or false',
  integer: 'a whole number',
  number: 'a number',
  object: 'an object',
  string: 'a text',
}

/** Reports everything in `root` (the whole resource) that the schema of its kind refuses. */
export function checkStructure(kind: IstioKind, root: Field): void {
  if (!isModelled(kind)) {
    checkShape(root.get('spec'), SHAPES[kind])
    return
  }
  const said = new Set<string>()
  for (const { instancePath, keyword, params } of schemaErrors(kind, root.get('spec').value)) {
    const place = `${instancePath} ${params.missingProperty ?? ''}`
    if (ECHOES.includes(keyword) || said.has(place)) continue
    said.add(place)
    const say = SENTENCES[keyword] ?? mustBe(() => `what Istio's schema asks for (${keyword})`)
    say(follow(root, instancePath), params)
  }
}

function schemaErrors(kind: Modelled, spec: unknown): readonly SchemaError[] {
  try {
    MODELS[kind].prototype.validate.call({ apiVersion: API_VERSION, kind, spec: withoutNulls(spec) })
    return []
  } catch (error) {
    if (!isObject(error) || !Array.isArray(error.errors)) throw error
    return withoutChoiceNoise(error.errors)
  }
}

/** A copy without null fields, which Kubernetes drops first; entries of lists stay. */
function withoutNulls(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutNulls)
  if (!isObject(value)) return value
  const kept = Object.entries(value).filter(([, member]) => member !== null)
  return Object.fromEntries(kept.map(([name, member]) => [name, withoutNulls(member)]))
}

/** An object that breaks a `oneOf` has that one error, not those of the alternatives too. */
function withoutChoiceNoise(errors: readonly SchemaError[]): readonly SchemaError[] {
  const chosen = new Set(errors.filter(each => each.keyword === 'oneOf').map(each => each.instancePath))
  const members = new Set(CHOICES.flat())
  return errors.filter(
    ({ instancePath, keyword, params }) =>
      !(keyword === 'required' && chosen.has(instancePath) && members.has(String(params.missingProperty))),
  )
}

/** The field that a JSON pointer names. */
function follow(root: Field, pointer: string): Field {
  let field = root
  for (const escaped of pointer.split('/').slice(1)) {
    const step = escaped.replaceAll('~1', '/').replaceAll('~0', '~')
    field = Array.isArray(field.value) ? field.item(Number(step)) : field.get(step)
  }
  return field
}

type Sentence = (field: Field, params: SchemaError['params']) => void
type Words = (params: SchemaError['params']) => string

/** Errors that accompany a broken `oneOf`. */
const ECHOES = ['not', 'anyOf']

function mustBe(what: Words): Sentence {
  return (field, params) => {
    field.report('CFG101', `${field.name} must be ${what(params)}, not ${describe(field.value)}`)
  }
}

function mustHave(what: Words): Sentence {
  return (field, params) => field.report('CFG101', `${field.name} must have ${what(params)}`)
}

const SENTENCES: Readonly<Record<string, Sentence>> = {
  type: (field, { type }) => {
    const message = `${field.name} must be ${TYPES[String(type)] ?? type}, not ${describe(field.value)}`
    field.report(
      'CFG101',
      message,
      isQuoted(field.text, String(type)) ? 'write it without quotes' : undefined,
    )
  },
  minimum: mustBe(({ limit }) => `at least ${limit}`),
  maximum: mustBe(({ limit }) => `at most ${limit}`),
  format: mustBe(({ format }) => (format === 'int32' ? 'a whole number of 32 bits' : `a ${format}`)),
  maxLength: mustHave(({ limit }) => `at most ${limit} characters`),
  minItems: mustHave(({ limit }) => `at least ${limit} entries`),
  maxItems: mustHave(({ limit }) => `at most ${limit} entries`),
  maxProperties: mustHave(({ limit }) => `at most ${limit} entries`),
  enum: (field, { allowedValues }) => {
    const words = Array.isArray(allowedValues) ? allowedValues.map(String) : []
    const message = `${field.name} must be one of ${words.join(', ')}, not ${describe(field.value)}`
    field.report('CFG101', message, field.text === undefined ? undefined : didYouMean(field.text, words))
  },
  required: (field, { missingProperty }) => {
    const missing = field.get(String(missingProperty))
    missing.report('CFG103', `${missing.name} is missing`)
  },
  oneOf: field => {
    for (const choice of CHOICES) {
      const set = choice.filter(name => field.get(name).value !== undefined)
      if (set.length < 2) continue
      const message = `${set.map(quote).join(' and ')} exclude each other in ${field.name}`
      field.report('CFG104', message, 'keep one of them')
    }
  },
}

/** Whether a text would have the type if it were not quoted. */
function isQuoted(text: string | undefined, type: string): boolean {
  if (text === undefined) return false
  return type === 'boolean'
    ? /^(true|false)$/.test(text)
    : ['integer', 'number'].includes(type) && /^\d+$/.test(text)
}
