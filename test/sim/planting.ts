/** A bug to be planted in the source. */

export type Planted = {
  readonly name: string
  /** Below src. */
  readonly file: string
  readonly was: string
  readonly is: string
  /** Within how many seeds it is to be found. */
  readonly seeds: number
}

export const plant = (name: string, seeds: number, file: string, was: string, is: string): Planted => ({
  name,
  file,
  was,
  is,
  seeds,
})
