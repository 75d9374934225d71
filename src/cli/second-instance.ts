/**
 * Whether something already answers where the admin listener is to be: a second weir on the same
 * files is noticed before anything is read in full or started.
 */

import { existsSync } from 'node:fs'
import { request } from 'node:http'
import { dirname } from 'node:path'
import { type AdminPlace, formatAdminPlace } from '../admin/admin-place.ts'
import { Findings } from '../config/findings/diagnostic.ts'
import { readSettings } from '../config/settings/read.ts'
import type { Settings } from '../config/settings/settings.ts'
import { readDocuments } from '../config/text/read-documents.ts'
import { splitDocuments } from '../config/text/split.ts'
import { holderOf, holderText } from '../control/observe/port-holder.ts'
import { readFiles, type Sources } from '../source/files/files.ts'
import { durationText } from './live/format.ts'

/** Loopback answers at once, or is busy. */
const ANSWER_MS_MAX = 1_000
/** Who is to be taken over from may be busy, and is waited for. */
export const PATIENT_MS_MAX = 30_000
const IS_SETTINGS = /\bkind["']?\s*:\s*["']?Settings\b/

/** Who answers at a place, in words. */
type PlaceHolder = { readonly who: string; readonly isWeir: boolean }

/** The Settings in the files, before anything else of them is read. */
export function settingsIn(sources: Sources): Settings {
  const settings = readFiles(sources).flatMap(({ file, bytes }) => {
    if (bytes instanceof Error) return []
    const text = new TextDecoder().decode(bytes)
    if (!IS_SETTINGS.test(text)) return []
    const documents = [...splitDocuments(text)].map(({ from, to }) => text.slice(from, to))
    return documents
      .filter(each => IS_SETTINGS.test(each))
      .map(each => ({ file, bytes: new TextEncoder().encode(each) }))
  })
  return readSettings(readDocuments(settings, new Findings()), new Findings())
}

/** Who has the place, and whether that is a weir; null: it is free. */
export async function holderAt(place: AdminPlace, withinMs = ANSWER_MS_MAX): Promise<PlaceHolder | null> {
  return place.socket === '' && place.port === 0 ? null : whoAnswers(place, withinMs)
}

/** What is wrong with a place that somebody has, and what to do. */
export function takenText(place: AdminPlace, { who, isWeir }: PlaceHolder): string {
  const cure = isWeir ? 'stop that, take over from it with --take-over,' : 'stop that,'
  return `the admin listener cannot open ${formatAdminPlace(place)}, since ${who} has it: ${cure} or choose another place with --admin, or --no-admin`
}

/** libuv gives EACCES for a socket whose folder is not there. */
export function whyNot({ socket }: AdminPlace, code: string): string {
  const folder = dirname(socket)
  return socket !== '' && code === 'EACCES' && !existsSync(folder) ? `there is no folder ${folder}` : code
}

const LOOPBACK: Readonly<Record<string, string>> = { '': '127.0.0.1', '0.0.0.0': '127.0.0.1', '::': '::1' }

function whoAnswers({ address, port, socket }: AdminPlace, withinMs: number): Promise<PlaceHolder | null> {
  const { promise, resolve } = Promise.withResolvers<PlaceHolder | null>()
  let isConnected = false
  /** A connection that was not seen in time shows in /proc, too. */
  const other = () => {
    const holder = socket === '' ? holderOf(address, port) : null
    const who = holder ? holderText(holder) : 'another program'
    return isConnected || holder ? { who, isWeir: false } : null
  }
  const to = socket === '' ? { host: LOOPBACK[address] ?? address, port } : { socketPath: socket }
  const asking = request({ ...to, path: '/summary', agent: false, timeout: withinMs }, answer => {
    let text = ''
    answer.setEncoding('utf8').on('data', piece => {
      text += piece
    })
    answer.on('close', () => resolve(weirIn(text) ?? other()))
  })
  asking.on('socket', way =>
    way.once('connect', () => {
      isConnected = true
    }),
  )
  asking.on('timeout', () => asking.destroy())
  asking.on('error', ({ code }: NodeJS.ErrnoException) => resolve(code === 'ECONNREFUSED' ? null : other()))
  asking.on('close', () => resolve(other()))
  asking.end()
  return promise
}

/** null: what answers is no weir. */
function weirIn(text: string): PlaceHolder | null {
  try {
    const { version, generation, uptimeS, code } = JSON.parse(text)
    if (code === 'not-serving') return { who: 'another weir that does not serve yet', isWeir: true }
    if (typeof version !== 'string' || typeof uptimeS !== 'number') return null
    const who = `another weir (${version}, generation ${generation}, up ${durationText(uptimeS * 1000)})`
    return { who, isWeir: true }
  } catch {
    return null
  }
}
