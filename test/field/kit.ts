/** Configurations as users have them, checked as `weir check` checks them. */

import { toReport } from '../../src/config/findings/render.ts'
import { loadConfig } from '../../src/config/load.ts'

/** The findings of files given as text, in the order of the report: "a.yaml:1 CFG016 message". */
export function check(files: Readonly<Record<string, string | Error>>): string[] {
  return findings(files).map(({ file, line, code, message }) => `${file}:${line} ${code} ${message}`)
}

/** The same as a report has them. */
export function findings(files: Readonly<Record<string, string | Error>>) {
  const list = Object.entries(files).map(([file, text]) => ({
    file,
    bytes: typeof text === 'string' ? Buffer.from(text) : text,
  }))
  const lint = { notes: true, openPortsFrom: 0 }
  return toReport(loadConfig(list, { names: new Map(), lint }).diagnostics).messages
}

/** Only the codes. */
export const codes = (files: Readonly<Record<string, string | Error>>): string[] =>
  findings(files).map(each => each.code)
