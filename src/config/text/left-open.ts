/**
 * Values that a tool was to fill in before anybody reads the file: `{{ .Release.Name }}-gw`, `{%
 * name %}`, `${PORT}`.
 *
 * Where YAML takes them for text, whatever is wrong with them has one cure: render the file. A file
 * whose braces are no YAML is found earlier (template.ts).
 */

export const TEMPLATE = 'this is a template: render it first'

const OPEN = /\{\{|\{%|\$\{\w/

/** Whether the value at `path` below `root`, or a key on the way to it, was left open. */
export function isLeftOpen(root: unknown, path: readonly (string | number)[]): boolean {
  let value = root
  for (const step of path) {
    if (isOpen(step)) return true
    if (typeof value !== 'object' || value === null) return false
    value = (value as Readonly<Record<string | number, unknown>>)[step]
  }
  return isOpen(value)
}

const isOpen = (value: unknown): boolean => typeof value === 'string' && OPEN.test(value)
