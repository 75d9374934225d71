/**
 * Goal: whatever a reader copies out of the documents works, and prints what they say it prints.
 *
 * Every YAML block is loaded by itself, beside the blocks that its document marks as `shared`, and
 * finds exactly what the comment before it says (`<!-- finds: CFG302 -->`), else nothing; not one
 * that is for another program (`<!-- foreign: helm values -->`). Every `weir check` and `weir
 * explain` of a console block is run on the blocks that were to be saved; UPDATE_DOCS=1 writes what
 * they say.
 */

import { deepEqual, equal, ok } from 'node:assert/strict'
import { existsSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { after, test } from 'node:test'
import { loadConfig, type SourceFile } from '../../src/config/load.ts'
import { weir } from '../cli/kit.ts'
import { type Block, blocksOf, DOCUMENTS, ROOT, read } from './kit.ts'

const folder = mkdtempSync(join(tmpdir(), 'weir-docs-'))
symlinkSync(join(ROOT, 'config'), join(folder, 'config'))
process.chdir(folder)
after(() => {
  process.chdir(ROOT)
  rmSync(folder, { recursive: true })
})

const asFile = (text: string, file: string): SourceFile => ({ file, bytes: new TextEncoder().encode(text) })

const codesIn = (files: readonly SourceFile[]): string[] =>
  [
    ...new Set(loadConfig(files, { names: new Map(), routeTests: true }).diagnostics.map(each => each.code)),
  ].sort()

/** Of another program, such as values for helm, which test/deploy renders. */
const isForeign = ({ note }: Block): boolean => note.startsWith('foreign: ')
const isShared = ({ note }: Block): boolean => note.startsWith('shared')

for (const document of DOCUMENTS) {
  const blocks = blocksOf(document)
  const yaml = blocks.filter(each => each.language === 'yaml' && !isForeign(each))
  const shared = yaml.filter(isShared).map((each, index) => asFile(each.text, `shared-${index}.yaml`))
  if (yaml.length > 0) {
    test(`every YAML block of ${document} is a configuration that finds what it says`, () => {
      for (const block of yaml) {
        const files = isShared(block) ? shared : [...shared, asFile(block.text, 'block.yaml')]
        const announced = /finds: ([\w, ]+)/.exec(block.note)?.[1].split(', ') ?? []
        deepEqual(codesIn(files), announced.toSorted(), block.text)
      }
    })
  }
  if (blocks.some(each => each.language === 'console')) {
    test(`the commands of ${document} print what it shows`, async () => {
      for (const { language, note, text } of blocks) {
        const name = /save: (\S+)/.exec(note)?.[1]
        if (name !== undefined) writeFileSync(join(folder, name), text)
        if (language === 'console') await replay(document, text)
      }
    })
  }
  test(`every link of ${document} leads somewhere`, () => {
    const links = [...read(document).matchAll(/\]\(([^)\s]+)\)/g)].map(found => found[1])
    for (const link of links.filter(each => !each.startsWith('https://'))) {
      const [path, anchor] = link.split('#')
      const target = path === '' ? document : join(dirname(document), path)
      ok(existsSync(join(ROOT, target)), link)
      if (anchor !== undefined) ok(anchorsOf(target).includes(anchor), link)
    }
  })
}

const INLINE = /`weir ([a-z][a-z-]*)([^`\n]*)`/g
const TYPED = /^(?:\$ )?weir ([a-z][a-z-]*)(.*)$/gm

test('every weir command of the documents exists, and has the options that it is typed with', async () => {
  const helps = new Map<string, string>()
  for (const document of DOCUMENTS) {
    const blocks = blocksOf(document).map(({ text }) => text)
    const found = [...read(document).matchAll(INLINE), ...blocks.join('\n').matchAll(TYPED)]
    for (const [typed, name, rest] of found) {
      if (!helps.has(name)) helps.set(name, (await weir([name, '--help'])).out)
      const help = helps.get(name) ?? ''
      ok(help.startsWith(`Usage: weir ${name}`), `${document}: ${typed}`)
      for (const [, option] of rest
        .replace(/\$\(.*\)/, '')
        .split(/ [|#]/)[0]
        .matchAll(/(?:^|\s)(-{1,2}[a-zA-Z][\w-]*)/g))
        ok(new RegExp(`(^|[ ,])${option}\\b`, 'm').test(help), `${document}: ${typed}`)
    }
  }
  ok(helps.size > 8)
})

test('README.md promises of the demo what the demo promises itself, where a test holds it to that', () => {
  const file = 'config/virtual-service.yaml'
  const held = [...read(file).matchAll(/^# {3}(nc .*\d) +then `test`: (.*)$/gm)].map(([, typed, answers]) => [
    typed,
    answers.split(', or '),
  ])
  const promised = [...read('README.md').matchAll(/^\| `(nc [^`]*)` \| (.*?) \|/gm)].map(
    ([, typed, answers]) => [typed, answers.replaceAll('`', '').split(' or ')],
  )
  deepEqual(promised, held)
})

/** Runs each `$ weir …` of a console block and compares its output with the text below it. */
async function replay(document: string, text: string): Promise<void> {
  const commands = text.split('\n').filter(line => line.startsWith('$ '))
  ok(commands.length > 0, 'a console block shows a command')
  const printed: string[] = []
  for (const command of commands) {
    const [name, ...words] = command.slice(2).split(' ')
    equal(name, 'weir', command)
    const { out, err } = await weir(words)
    printed.push(`${command}\n${(out + err).trimEnd()}\n`)
  }
  const expected = printed.join('')
  if (process.env.UPDATE_DOCS)
    writeFileSync(
      ROOT + document,
      read(document).replace(text, () => expected),
    )
  else equal(text, expected)
}

/** Headings as GitHub makes anchors of them. */
const anchorsOf = (document: string): string[] =>
  [...read(document).matchAll(/^#+ (.*)$/gm)].map(([, heading]) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  )
