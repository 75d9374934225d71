/**
 * The annotation for clients that start TLS within another protocol: "postgres" for all TLS servers
 * of a Gateway, or "5432=postgres" for those of one port; several are separated by ";".
 */

export const STARTTLS = 'gateway.weir/starttls'

const ENTRY = /^(?:(\d{1,5})=)?postgres$/

/** The ports in an annotation's text; null: invalid. */
export function readStarttls(text: string): ReadonlySet<number> | 'all' | null {
  const entries = text.split(';').map(entry => ENTRY.exec(entry.trim()))
  if (entries.includes(null)) return null
  const ports = entries.map(entry => entry?.[1])
  return ports.includes(undefined) ? 'all' : new Set(ports.map(Number))
}

/** Whether the annotation applies to the servers on a port. */
export function starttlsPorts(annotations: Readonly<Record<string, string>>): { has(port: number): boolean } {
  const text = annotations[STARTTLS]
  const ports = text === undefined ? null : readStarttls(text)
  return ports === 'all' ? { has: () => true } : (ports ?? new Set<number>())
}
