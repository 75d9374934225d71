/**
 * Server names and their patterns, as a Plan has them: in lower case, without a dot at their end.
 */

/** As a client's server name is compared: in lower case, without a dot at its end. */
export const plainName = (name: string): string => name.toLowerCase().replace(/\.$/, '')

/**
 * Whether a server name that `inner` takes is always taken by `outer`, both in lower case:
 * "*.example.com" takes "a.b.example.com" and "*.b.example.com", but not "example.com".
 */
export const takesName = (outer: string, inner: string): boolean =>
  outer === '*' || outer === inner || (outer.startsWith('*.') && inner.endsWith(outer.slice(1)))

/** Whether both take some name. */
export const namesMeet = (left: string, right: string): boolean =>
  takesName(left, right) || takesName(right, left)
