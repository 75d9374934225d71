/**
 * Looks up names that come from outside: labels, port names, tags.
 *
 * `object[name]` finds the inherited `constructor` and `toString` in every object. So names that an
 * operator or a client chooses are looked up here, or in a Map.
 */

/** The object's own value of this name, or undefined. */
export const own = <Value>(object: Readonly<Record<string, Value>>, name: string): Value | undefined =>
  Object.hasOwn(object, name) ? object[name] : undefined
