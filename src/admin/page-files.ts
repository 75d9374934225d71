/**
 * The page: files of the folder page/, as they are, each at its own name and index.html at /; and
 * beside them the library that draws the charts, out of its package.
 *
 * They are read once, at the start, and found in a map by their whole path: no request leads to the
 * file system. The policy of guard.ts lets a page load only what is here, and run no script that
 * stands in it.
 */

import { readdirSync, readFileSync } from 'node:fs'
import { extname } from 'node:path'
import type { FastifyInstance } from 'fastify'

/** Of the source also where it was built: tsc copies no such files. */
const FOLDER = new URL('../../src/admin/page/', import.meta.url)

/** Of uPlot, under fixed names. */
const LIBRARY: Readonly<Record<string, string>> = {
  '/uplot.js': 'uplot/dist/uPlot.esm.js',
  '/uplot.css': 'uplot/dist/uPlot.min.css',
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
  for (const [path, file] of Object.entries(LIBRARY)) serve(app, path, new URL(import.meta.resolve(file)))
}

function serve(app: FastifyInstance, path: string, file: URL): void {
  const type = TYPES[extname(file.pathname)]
  if (type === undefined) return
  const bytes = readFileSync(file)
  app.get(path, { schema: { hide: true } as object }, async (_request, reply) => reply.type(type).send(bytes))
}
