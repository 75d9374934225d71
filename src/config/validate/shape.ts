/**
 * Shapes: a small table language for the types of fields, for kinds without a schema.
 *
 * It serves the Kubernetes kinds, of which weir reads a few fields and skips the rest, and those
 * few Istio fields that are younger than the schemas that structure.ts uses.
 */

import { parseAddress } from '../../address/address.ts'
import { describe } from '../findings/quote.ts'
import { type Field, isObject } from './field.ts'

const LEAVES = {
  text: { what: 'a text', fits: (value: unknown) => typeof value === 'string' },
  flag: { what: 'true or false', fits: (value: unknown) => typeof value === 'boolean' },
  number: { what: 'a number', fits: (value: unknown) => Number.isFinite(value) },
  port: {
    what: 'a port between 1 and 65535',
    fits: (value: unknown) => Number.isInteger(value) && Number(value) >= 1 && Number(value) <= 65535,
  },
  portOrName: {
    what: 'a port or the name of one',
    fits: (value: unknown) => typeof value === 'string' || LEAVES.port.fits(value),
  },
  ip: {
    what: 'an IP address',
    fits: (value: unknown) => typeof value === 'string' && parseAddress(value) !== null,
  },
} as const

/**
 * A leaf, a list of one shape, a map of one shape (`'*'`), or an object with some fields of known
 * shape; a field whose name ends in `!` is required.
 */
export type Shape = keyof typeof LEAVES | readonly [Shape] | { readonly [field: string]: Shape }

const isList = (shape: Shape): shape is readonly [Shape] => Array.isArray(shape)

/** Reports every value in `field` with another shape; an absent one is fine. */
export function checkShape(field: Field, shape: Shape): void {
  if (field.absent) return
  if (typeof shape === 'string') {
    const { what, fits } = LEAVES[shape]
    if (!fits(field.value)) complain(field, what)
  } else if (isList(shape)) {
    if (!Array.isArray(field.value)) complain(field, 'a list')
    for (const item of field.items) checkItem(item, shape[0])
  } else {
    if (!isObject(field.value)) complain(field, 'an object')
    else for (const [name, inner] of Object.entries(shape)) checkMember(field, name, inner)
  }
}

function checkItem(item: Field, shape: Shape): void {
  if (item.absent) complain(item, 'something')
  else checkShape(item, shape)
}

function checkMember(field: Field, name: string, shape: Shape): void {
  if (name === '*') {
    for (const [, value] of field.entries) checkShape(value, shape)
    return
  }
  const member = field.get(name.replace(/!$/, ''))
  if (name.endsWith('!') && member.absent) member.report('CFG103', `${member.name} is missing`)
  checkShape(member, shape)
}

function complain(field: Field, what: string): void {
  field.report('CFG101', `${field.name} must be ${what}, not ${describe(field.value)}`)
}
