/**
 * Looking up a name that somebody else chose: a label, a port's name, a tag.
 *
 * `object[name]` would find `constructor` and `toString` in every object, for each inherits them.
 * Whatever the operator or a client can name is looked up here, or in a Map.
 */

/** The object's own value of this name, or undefined. */
export const own = <Value>(object: Readonly<Record<string, Value>>, name: string): Value | undefined =>
  Object.hasOwn(object, name) ? object[name] : undefined
