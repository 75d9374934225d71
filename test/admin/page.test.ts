/** The page at /: what it loads is there, and its policy lets it load nothing else. */

import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import { ORDINARY } from '../../src/stats/reasons.ts'
import { reading } from './scene.ts'

test('/ is a page whose links and parts are all there', async () => {
  const { get } = await reading()
  const { status, headers, body } = await get('/')
  assert.equal(status, 200)
  assert.equal(headers['content-type'], 'text/html; charset=utf-8')
  assert.match(headers['content-security-policy'], /default-src 'none'; script-src 'self'; style-src 'self';/)
  const parts = [...(body as string).matchAll(/(?:href|src)="([^"]+)"/g)].map(each => each[1])
  assert.ok(parts.length > 5, String(parts))
  for (const part of parts) {
    if (part.startsWith('#')) {
      assert.match(body, new RegExp(` id="${part.slice(1)}"`), part)
      continue
    }
    assert.ok(part.startsWith('/'), part)
    assert.equal((await get(part)).status, 200, part)
  }
  assert.doesNotMatch(body, /<script(?![^>]* src=)|<style|\son\w+=|style=/, 'nothing that the policy forbids')
})

const LIBRARIES = ['/uplot.js', './lit/lit-html.js', './lit/directives/repeat.js']

test('the page’s modules say what they are, print nothing, and import only what is served', () => {
  const folder = new URL('../../src/admin/page/', import.meta.url)
  const names = readdirSync(folder).filter(name => name.endsWith('.js'))
  assert.ok(names.length > 5)
  for (const name of names) {
    const text = readFileSync(new URL(name, folder), 'utf8')
    assert.ok(text.startsWith('/**'), name)
    assert.doesNotMatch(text, /console\.|innerHTML|unsafe|eval\(/, name)
    for (const [, from] of text.matchAll(/^(?:import|export) (?:.* from )?'([^']*)'$/gm))
      assert.ok(LIBRARIES.includes(from) || names.includes(from.replace('./', '')), `${name} imports ${from}`)
  }
})

test('the page calls the same ends ordinary as everything else', async () => {
  const { ORDINARY: shown } = await import(String(new URL('../../src/admin/page/format.js', import.meta.url)))
  assert.deepEqual(shown, ORDINARY)
})

test('a moment of another day has its date', async () => {
  const { moment } = await import(String(new URL('../../src/admin/page/format.js', import.meta.url)))
  const now = new Date(2026, 10, 29, 8)
  assert.equal(moment(new Date(2026, 10, 29, 7, 5, 9), now), '07:05:09')
  assert.equal(moment(new Date(2026, 10, 28, 23, 5, 9), now), '28 Nov, 23:05:09')
})

test('no path leads out of the page’s folder', async () => {
  const { get } = await reading()
  for (const path of [
    '/../http.ts',
    '/page/index.html',
    '/index.html',
    '/%2e%2e/http.ts',
    '/style.css/',
    '/style.css%00',
  ])
    assert.equal((await get(path)).status, 404, path)
})
