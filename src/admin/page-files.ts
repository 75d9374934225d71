/**
 * The page: the files of the folder page/, unchanged, each under its name and index.html at /; and
 * the libraries for templates and charts from their packages.
 *
 * They are read once at the start and kept in a map by their whole path, so no request reaches the
 * file system. The policy of guard.ts lets a page load only these files, and run no inline script.
 */

import { readdirSync, readFileSync } from 'node:fs'
import { extname } from 'node:path'
import type { FastifyInstance } from 'fastify'
import { ownFile } from '../base/own-files.ts'

const FOLDER = ownFile('src/admin/page/')

/** Under fixed names; modules of lit-html import each other by these. */
const LIBRARY: Readonly<Record<string, URL>> = {
  '/uplot.js': packaged('uplot/dist/uPlot.esm.js'),
  '/uplot.css': packaged('uplot/dist/uPlot.min.css'),
  '/lit/lit-html.js': ofLit('lit-html.js'),
  '/lit/directive.js': ofLit('directive.js'),
  '/lit/directive-helpers.js': ofLit('directive-helpers.js'),
  '/lit/directives/repeat.js': ofLit('directives/repeat.js'),
}

function packaged(file: string): URL {
  return new URL(import.meta.resolve(file))
}

/** Its package gives Node a build of its own, in a folder beside the browser's. */
function ofLit(file: string): URL {
  return new URL(`../${file}`, import.meta.resolve('lit-html'))
}

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
}

export function addPage(app: FastifyInstance): void {
  for (const name of readdirSync(FOLDER))
    serve(app, name === 'index.html' ? '/' : `/${name}`, new URL(name, FOLDER))
  for (const [path, file] of Object.entries(LIBRARY)) serve(app, path, file)
}

function serve(app: FastifyInstance, path: string, file: URL): void {
  const type = TYPES[extname(file.pathname)]
  if (type === undefined) return
  const bytes = readFileSync(file)
  app.get(path, { schema: { hide: true } as object }, async (_request, reply) => reply.type(type).send(bytes))
}
