/**
 * A query as its endpoint's schema has it: text, of which numbers and truth are read here, and
 * nowhere else.
 *
 * Only what is written as JSON writes it is read; anything else stays text, and the schema refuses
 * it. Bodies have types of their own and are never read that way: `"true"` in one is a text.
 */

import type { FastifyRequest } from 'fastify'

type Property = { readonly type?: string | readonly string[] }

const NUMBER = /^-?(0|[1-9]\d*)(\.\d+)?$/

export async function readQuery({ query, routeOptions }: FastifyRequest): Promise<void> {
  const { properties = {} } = Object(routeOptions.schema?.querystring) as {
    properties?: Readonly<Record<string, Property>>
  }
  const fields = query as Record<string, unknown>
  for (const name of Object.keys(fields)) {
    if (Object.hasOwn(properties, name)) fields[name] = read(fields[name], properties[name])
  }
}

function read(written: unknown, { type }: Property): unknown {
  if (typeof written !== 'string') return written
  if ((type === 'integer' || type === 'number') && NUMBER.test(written)) return Number(written)
  if (type === 'boolean' && (written === 'true' || written === 'false')) return written === 'true'
  return written
}
