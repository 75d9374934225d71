/** YAML from and to plain data: kubeconfig, exported resources. No places, no findings. */

import { parse, stringify } from 'yaml'

/** @throws if the text is no YAML. */
export const plainYaml = (text: string): unknown => parse(text, { maxAliasCount: 100 })

/** Plain data as one document of YAML, with an end of line. */
export const writeYaml = (value: unknown): string =>
  stringify(value, { lineWidth: 0, aliasDuplicateObjects: false })
