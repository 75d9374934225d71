/** YAML of other programs (kubeconfig) as plain data: places and findings are not asked for. */

import { parse } from 'yaml'

/** @throws if the text is no YAML. */
export const plainYaml = (text: string): unknown => parse(text, { maxAliasCount: 100 })
