/**
 * Building blocks for the schemas of requests and answers (JSON Schema 2020-12, as in OpenAPI 3.1).
 *
 * They validate, serialize and describe an endpoint (/openapi.json). A field that its schema does
 * not name is not sent.
 */

import { BLOCKS } from '../table/plan/block.ts'

export type Schema = Readonly<Record<string, unknown>>

const described = (schema: Schema, description?: string): Schema =>
  description === undefined ? schema : { ...schema, description }

export const text = (description?: string): Schema => described({ type: 'string' }, description)
export const number = (description?: string): Schema => described({ type: 'number' }, description)
export const integer = (description?: string): Schema => described({ type: 'integer' }, description)
export const boolean = (description?: string): Schema => described({ type: 'boolean' }, description)
export const textOrNull = (description?: string): Schema =>
  described({ type: ['string', 'null'] }, description)
export const numberOrNull = (description?: string): Schema =>
  described({ type: ['number', 'null'] }, description)
export const oneOf = (words: readonly string[], description?: string): Schema =>
  described({ type: 'string', enum: [...words] }, description)
export const whole = (least: number, most: number, description: string): Schema => ({
  type: 'integer',
  minimum: least,
  maximum: most,
  description,
})
/** An object of numbers, or of texts, by name. */
export const record = (values: Schema, description?: string): Schema =>
  described({ type: 'object', additionalProperties: values }, description)
export const list = (items: Schema, description?: string): Schema =>
  described({ type: 'array', items }, description)
export const orNull = (schema: Schema, description?: string): Schema =>
  described({ anyOf: [schema, { type: 'null' }] }, description)

/** An object with these fields; those in `optional` may be absent. */
export const object = (
  properties: Readonly<Record<string, Schema>>,
  optional: readonly string[] = [],
): Schema => ({
  type: 'object',
  properties,
  required: Object.keys(properties).filter(name => !optional.includes(name)),
  additionalProperties: false,
})

/** The parameters of a query, optional unless they are in `required`. */
export const query = (
  properties: Readonly<Record<string, Schema>>,
  required: readonly string[] = [],
): Schema => ({ type: 'object', properties, required, additionalProperties: false })

/** A finding of `weir check`. */
export const finding = object(
  {
    code: text('See docs/errors.md.'),
    severity: oneOf(['error', 'warning', 'info']),
    message: text(),
    hint: text('How to fix it.'),
    file: text(),
    line: integer(),
    column: integer(),
    resource: textOrNull('Kind and name.'),
    field: textOrNull('Path of the field.'),
  },
  ['hint', 'resource', 'field'],
)

export const changes = {
  added: list(text()),
  changed: list(text()),
  removed: list(text()),
}

/** File and line of a rule. */
export const ruleOrigin = object({
  virtualService: text('namespace/name of a VirtualService, or "TCPRoute namespace/name".'),
  block: oneOf(BLOCKS),
  route: integer('Index of the route in its block.'),
  match: {
    type: ['integer', 'null'],
    description: 'Index of the match in its route; null: a route without match.',
  },
  file: text(),
  line: integer(),
})

const PROBLEM = object(
  { code: text('The problem in a word, for programs.'), message: text(), hint: text() },
  ['hint'],
)

/** The answers of an endpoint: success, and the error form that all share. */
export const answers = (success: Schema): Readonly<Record<string, Schema>> => ({
  200: { description: 'The answer.', ...success },
  '4xx': { description: 'The request is refused.', ...PROBLEM },
  '5xx': { description: 'The gateway cannot answer now.', ...PROBLEM },
})
