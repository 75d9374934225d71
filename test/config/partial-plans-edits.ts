/** Files of such documents, and how somebody edits them. */

import fc from 'fast-check'
import { document, often, others, START, virtualService } from './partial-plans-documents.ts'

const TWEAKS = [
  ['10.1.0.0/16', '10.2.0.0/16'],
  ['10.1.2.0/24', 'fd00::/8'],
  ['240.0.0.1', '127.0.0.0/8'],
  ['"c0"', '"c1"'],
  ['"c1"', '"nobody"'],
  ['"v0"', '"v1"'],
  ['"a.com"', '"b.com"'],
  ['x.b.com', '*.b.com'],
  ['*.b.com', '*.com'],
  ['"weight": 20', '"weight": 0'],
  ['"weight": 80', '"weight": 1'],
  ['"number": 80', '"number": 90'],
  ['"shop"', '"default"'],
  ['"none"', '"ports"'],
  ['"mesh"', '"default/side"'],
] as const

/** By file, its documents. */
export type Files = readonly (readonly string[])[]
type Edit = {
  readonly file: number
  readonly at: number
  readonly text: string
  readonly kind: string
  readonly tweak: (typeof TWEAKS)[number]
}

const edit: fc.Arbitrary<Edit> = fc.record({
  file: fc.nat(3),
  at: fc.nat(8),
  text: document,
  tweak: fc.constantFrom(...TWEAKS),
  kind: fc.constantFrom(
    ...often(['insert'], 6),
    ...often(['tweak'], 10),
    ...often(['give'], 4),
    'double',
    'drop',
    'drop',
    'comment',
    'move',
    'none',
  ),
})

/** Of the resource that is written; two of one name are an error, and so no Plan. */
export const nameIn = (text: string): string => {
  const { kind, metadata } = JSON.parse(text.replaceAll(/^#.*$/gm, ''))
  return `${kind} ${metadata.namespace}/${metadata.name}`
}

/** The documents without others of the same name. */
function replacing(files: Files, texts: readonly string[]): Files {
  const names = new Set(texts.map(nameIn))
  return files.map(list => list.filter(each => !names.has(nameIn(each))))
}

/** One document that has `from` gets `to` instead, once. */
function tweaked(files: Files, which: number, from: string, to: string): Files {
  const all = files.flat().filter(each => each.includes(from))
  const chosen = all[which % (all.length || 1)]
  return files.map(list => list.map(each => (each === chosen ? each.replace(from, to) : each)))
}

/** The last route of one VirtualService becomes the last of another one. */
function given(files: Files, from: number, to: number): Files {
  const all = files.flat().filter(each => each.includes('"kind": "VirtualService"') && each.includes('"tcp"'))
  const [one, two] = [all[from % (all.length || 1)], all[to % (all.length || 1)]]
  if (one === two) return files
  const [giver, taker] = [one, two].map(each => JSON.parse(each.replaceAll(/^#.*$/gm, '')))
  taker.spec.tcp.push(giver.spec.tcp.pop())
  if (giver.spec.tcp.length === 0) delete giver.spec.tcp
  const texts = new Map(
    [giver, taker].map((each, index) => [[one, two][index], JSON.stringify(each, null, 1)]),
  )
  return files.map(list => list.map(each => `${(texts.get(each) ?? each).trimEnd()}\n`))
}

export function edited(files: Files, { file, at, text, kind, tweak: [from, to] }: Edit): Files {
  const of = (all: Files, change: (list: readonly string[]) => readonly string[]): Files =>
    all.map((list, index) => (index === file % all.length ? change(list) : list))
  if (kind === 'insert') return of(replacing(files, [text]), all => all.toSpliced(at, 0, text))
  if (kind === 'double') return of(files, all => all.toSpliced(at, 0, text))
  if (kind === 'drop') return of(files, all => all.toSpliced(at % (all.length || 1), 1))
  if (kind === 'comment') return of(files, ([first = text, ...rest]) => [`# a line\n${first}`, ...rest])
  if (kind === 'give') return given(files, file, at)
  if (kind === 'tweak') return tweaked(files, at, from, to)
  if (kind === 'move') return of(files, ([first, ...rest]) => (first === undefined ? [] : [...rest, first]))
  return files
}

export const history = fc.record({
  first: fc.tuple(
    fc.array(others, { maxLength: 2 }),
    fc.array(virtualService, { minLength: 1, maxLength: 4 }),
    fc.array(virtualService, { maxLength: 3 }),
  ),
  steps: fc.array(fc.record({ edit, notes: fc.boolean(), resolves: fc.boolean() }), {
    minLength: 1,
    maxLength: 8,
  }),
})

/** Whatever comes later replaces what has the same name. */
export function begun(lists: readonly (readonly string[])[]): Files {
  let files: Files = [START]
  for (const list of lists) {
    files = files.toSpliced(files.length, 0, [])
    for (const text of list) {
      const others = replacing(files, [text])
      files = others.toSpliced(-1, 1, [...(others.at(-1) ?? []), text])
    }
  }
  return files
}
