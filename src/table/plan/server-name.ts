/** Server names and their patterns, as a Plan has them: in lower case, without a final dot. */

/** The form in which server names are compared: in lower case, without a final dot. */
export const plainName = (name: string): string => name.toLowerCase().replace(/\.$/, '')

/**
 * Whether `outer` matches every server name that `inner` matches, both in lower case:
 * "*.example.com" matches "a.b.example.com" and "*.b.example.com", but not "example.com".
 */
export const takesName = (outer: string, inner: string): boolean =>
  outer === '*' || outer === inner || (outer.startsWith('*.') && inner.endsWith(outer.slice(1)))

/** Whether some name matches both. */
export const namesMeet = (left: string, right: string): boolean =>
  takesName(left, right) || takesName(right, left)
