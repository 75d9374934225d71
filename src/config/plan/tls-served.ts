/** Which TLS the engines speak; the rest is refused, and never served as plain text. */

export type TlsServed = { readonly servers: boolean; readonly upstreams: boolean }

export const TLS_SERVED: TlsServed = { servers: true, upstreams: true }
