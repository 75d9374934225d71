/** A destination as people write it; a connection that is passed on has an address for a host. */

/** `port` null: any. */
type Destination = { readonly host: string; readonly port: number | null; readonly subset: string | null }

export function destinationText({ host, port, subset }: Destination): string {
  const at = port === null ? host : `${host.includes(':') ? `[${host}]` : host}:${port}` // IPv6
  return `${at}${subset === null ? '' : ` subset ${subset}`}`
}
