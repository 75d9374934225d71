/**
 * Placeholders that a tool should have filled in: `{{ .Release.Name }}-gw`, `{% name %}`,
 * `${PORT}`.
 *
 * If YAML reads them as text, every mistake in them has one cure: render the file. A file whose
 * braces are not YAML is found earlier (template.ts).
 */

export const TEMPLATE = 'this is a template: render it first'

const OPEN = /\{\{|\{%|\$\{\w/

/** Whether the value at `path` below `root`, or a key on the way to it, contains a placeholder. */
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
