/**
 * Converts a query to the types of its endpoint's schema: numbers and booleans from text.
 *
 * It converts only JSON notation; other text stays text, and the schema refuses it. Bodies have
 * their own types and are never converted: `"true"` in a body is a string.
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
