/** A destination whose connections end when their endpoint is removed. */

export type Removal = {
  readonly host: string
  readonly port: number
  /** The time over which the connections are ended. */
  readonly overMs: number
  /** All endpoints that the host has for this port, whatever their subset. */
  readonly places: readonly { readonly place: string; readonly port: number }[]
  /** The annotation that asks for it. */
  readonly at: { readonly file: string; readonly line: number }
}
