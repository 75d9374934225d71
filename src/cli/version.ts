/** The version of this package. */

import { readFileSync } from 'node:fs'
import { ownFile } from '../base/own-files.ts'

export function versionOf(): string {
  return (JSON.parse(readFileSync(ownFile('package.json'), 'utf8')) as { version: string }).version
}
