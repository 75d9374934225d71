/** docs/testing-routes.md shows the JSON report that its example gives. */

import { match } from 'node:assert/strict'
import { test } from 'node:test'
import { weir } from '../cli/kit.ts'
import { folder } from '../control/scene.ts'
import { blocksOf, holds } from './kit.ts'

const DOCUMENT = 'docs/testing-routes.md'

test('docs/testing-routes.md shows the report as JSON', async t => {
  const saved = blocksOf(DOCUMENT).flatMap(({ note, text }) => {
    const name = /save: (\S+)/.exec(note)?.[1]
    return name === undefined ? [] : [[name, text] as const]
  })
  process.chdir(folder(t, Object.fromEntries(saved)))
  const { out } = await weir(['test', 'edge.yaml', 'tests.yaml', '--format', 'json'])
  const report = JSON.parse(out)
  match(out, /"passed": true/)
  const shown = JSON.stringify({ ...report, tests: [report.tests[0]] }, null, 2)
  holds(DOCUMENT, 'report', `\n\`\`\`json\n${shown}\n\`\`\`\n`)
})
