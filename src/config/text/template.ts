/**
 * Templates: files that a tool must render first (Helm, Jinja, envsubst).
 *
 * YAML reads `{{ .Values.port }}` as a mapping in a mapping, `{{- if … }}` as a broken list, and a
 * template of a hundred lines as a hundred mistakes. All of them have one cure, so each file has
 * one finding.
 */

import { Lexer } from 'yaml'
import type { Draft } from './draft.ts'

export const CHART_HINT = 'helm template CHART | weir check -'

/** Whether the text needs a closer look. */
const BRACES = /\{[{%]|\$\{/
/**
 * What the lexer adds to the text: the start of a document, the end of a broken flow, a scalar
 * follows.
 */
const MARKS: ReadonlySet<string> = new Set(['\u0002', '\u0018', '\u001f'])
/**
 * values.yaml, values-prod.yaml, ci/test-values.yaml, values.schema.json, Chart.yaml,
 * requirements.yaml.
 */
const CHART_FILE = /^(?:(?:.*[-._])?values(?:[-._].*)?|chart|requirements)\.(?:ya?ml|json)$/i

/**
 * The offset of the first template action in the text of a document, or −1.
 *
 * Only braces that are YAML's own count: those inside quotes, blocks and plain text are ordinary
 * text, such as the legend of a Grafana dashboard. No resource has a mapping as a key, so these
 * cannot be YAML; nor can a `${PORT}` in a flow, where its brace would begin a mapping after a `$`.
 */
export function templateOffset(text: string): number {
  if (!BRACES.test(text)) return -1
  let offset = 0
  for (const lexeme of new Lexer().lex(text)) {
    if (MARKS.has(lexeme)) continue
    if (lexeme === '{' && /^\{[{%]/.test(text.slice(offset, offset + 2))) return offset
    if (lexeme === '{' && text[offset - 1] === '$') return offset - 1
    offset += lexeme.length
  }
  return -1
}

/**
 * Whether a document is a part of a Helm chart that is no template itself: its values, or its
 * Chart.yaml.
 */
export const isChartPart = (file: string, { apiVersion, kind }: Draft): boolean =>
  CHART_FILE.test(baseName(file)) &&
  kind === undefined &&
  (apiVersion === undefined || isChartVersion(apiVersion))

const isChartVersion = (apiVersion: unknown): boolean => apiVersion === 'v1' || apiVersion === 'v2'

/** kustomize allows this file to omit its apiVersion and kind. */
export const isKustomization = (file: string): boolean => /^kustomization\.ya?ml$/i.test(baseName(file))

const baseName = (file: string): string => file.slice(file.lastIndexOf('/') + 1)
