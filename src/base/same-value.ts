/**
 * Whether two values of JSON are equal, in whatever order their fields come.
 *
 * Much quicker than node:util's isDeepStrictEqual, which looks for prototypes, symbols and cycles
 * that a parsed text cannot have.
 */

export function isSameValue(left: unknown, right: unknown): boolean {
  if (left === right) return true
  if (typeof left !== 'object' || typeof right !== 'object' || left === null || right === null) return false
  if (Array.isArray(left)) return Array.isArray(right) && isSameList(left, right)
  return !Array.isArray(right) && isSameRecord(left as Fields, right as Fields)
}

type Fields = Readonly<Record<string, unknown>>

function isSameList(left: readonly unknown[], right: readonly unknown[]): boolean {
  if (left.length !== right.length) return false
  for (let index = 0; index < left.length; index++) if (!isSameValue(left[index], right[index])) return false
  return true
}

function isSameRecord(left: Fields, right: Fields): boolean {
  let fields = 0
  for (const name in left) {
    if (!Object.hasOwn(left, name)) continue
    if (!Object.hasOwn(right, name) || !isSameValue(left[name], right[name])) return false
    fields++
  }
  for (const name in right) if (Object.hasOwn(right, name)) fields--
  return fields === 0
}
