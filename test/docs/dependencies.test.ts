/**
 * docs/dependencies.md has a section for each dependency, and states its version, licence and
 * company as they are.
 */

import { deepEqual, ok } from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { holds, ROOT, read } from './kit.ts'

type Dependencies = Readonly<Record<string, string>>
type Package = {
  readonly version?: string
  readonly license?: string
  readonly dependencies?: Dependencies
  readonly optionalDependencies?: Dependencies
}
type Manifest = Package & { readonly devDependencies: Dependencies }

const DOCUMENT = 'docs/dependencies.md'
const readJson = (file: string): unknown => JSON.parse(readFileSync(ROOT + file, 'utf8'))
const manifest = readJson('package.json') as Manifest
type Packages = Readonly<Record<string, Package>>
const { packages } = readJson('package-lock.json') as { packages: Packages }
/** For tests of the chart; apart, since nobody else needs them. */
const KUBERNETES = '.ci/kubernetes'
const kubernetes = readJson(`${KUBERNETES}/package.json`) as Manifest

const SECTIONS: Readonly<Record<string, Dependencies>> = {
  Runtime: manifest.dependencies ?? {},
  Optional: manifest.optionalDependencies ?? {},
  Development: manifest.devDependencies,
  Kubernetes: kubernetes.devDependencies,
}
const packagesOf = (section: string): Packages =>
  section === 'Kubernetes'
    ? (readJson(`${KUBERNETES}/package-lock.json`) as { packages: Packages }).packages
    : packages

/** The folder of package `name` for the one at `from`: found as Node does, from inside outwards. */
function placeOf(packages: Packages, name: string, from: string): string | null {
  for (let folder = from; ; folder = folder.slice(0, Math.max(0, folder.lastIndexOf('/node_modules/')))) {
    const place = `${folder === '' ? '' : `${folder}/`}node_modules/${name}`
    if (packages[place]) return place
    if (folder === '') return null
  }
}

/** Every package that comes along, by its place. */
function companyOf(packages: Packages, place: string, seen = new Set<string>()): Set<string> {
  const { dependencies, optionalDependencies } = packages[place]
  for (const name of Object.keys({ ...dependencies, ...optionalDependencies })) {
    const next = placeOf(packages, name, place)
    if (next === null || seen.has(next)) continue
    seen.add(next)
    companyOf(packages, next, seen)
  }
  return seen
}

const nameOf = (place: string): string => place.slice(place.lastIndexOf('node_modules/') + 13)

function factsOf(packages: Packages, name: string, version: string): string {
  const place = `node_modules/${name}`
  const company = [...new Set([...companyOf(packages, place)].map(nameOf))].sort()
  const alone =
    company.length === 0 ? 'brings nothing along' : `brings along ${company.length}: ${company.join(', ')}`
  return `${version} · ${packages[place].license} · ${alone}`
}

for (const [section, dependencies] of Object.entries(SECTIONS)) {
  test(`docs/dependencies.md describes the ${section.toLowerCase()} dependencies of package.json`, () => {
    const [, text = ''] =
      new RegExp(`^## ${section}\\n([\\s\\S]*?)(?=^## |$(?![\\s\\S]))`, 'm').exec(read(DOCUMENT)) ?? []
    const headings = [...text.matchAll(/^### (.*)$/gm)].map(found => found[1])
    deepEqual(headings.toSorted(), Object.keys(dependencies).sort())
  })
  for (const [name, version] of Object.entries(dependencies)) {
    test(`docs/dependencies.md has the facts of ${name}`, () => {
      ok(/^\d+\.\d+\.\d+$/.test(version), 'pinned')
      holds(DOCUMENT, name, factsOf(packagesOf(section), name, version))
    })
  }
}

test('docs/dependencies.md names every licence that comes with the runtime', () => {
  const places = Object.keys(SECTIONS.Runtime).flatMap(name => [
    `node_modules/${name}`,
    ...companyOf(packages, `node_modules/${name}`),
  ])
  const licences = Map.groupBy(new Set(places), place => packages[place].license ?? 'none stated')
  const lines = [...licences]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(
      ([licence, found]) =>
        `- ${licence}: ${found.length}${licence === 'MIT' ? '' : ` (${found.map(nameOf).sort().join(', ')})`}`,
    )
  holds(DOCUMENT, 'licences', lines.join('\n'))
})
