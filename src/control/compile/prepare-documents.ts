/**
 * Prepares a large configuration for reading: new documents come from a file that an earlier
 * process left (stored-documents.ts), or several threads parse them.
 *
 * Only reading decides what a document means. It looks a document up by the digest of its text; one
 * with a finding is not kept, and reading parses it again.
 */

import { availableParallelism } from 'node:os'
import { threadModule } from '../../base/own-files.ts'
import { Findings } from '../../config/findings/diagnostic.ts'
import { decode } from '../../config/text/decode.ts'
import { type DocumentMemory, keyOf } from '../../config/text/document-memory.ts'
import type { KeptDocument } from '../../config/text/reading.ts'
import { splitDocuments } from '../../config/text/split.ts'
import type { SourceFile } from '../../source/files/files.ts'
import type { StoredDocuments } from './stored-documents.ts'

/** Bytes of changed files below which threads cost more than they save: a second's work. */
export const MANY_BYTES = 1_500_000
/** Characters of a task: a tenth of a second. */
const TASK_LENGTH = 128 * 1024
/** Each has a heap of its own. */
const THREADS_MAX = 8

/** What is not known yet, by key. */
type Texts = Map<string, string>

/**
 * Returns whether there is much that no earlier process has left.
 *
 * @param many  Another number of bytes, for tests.
 */
export async function prepareDocuments(
  files: readonly SourceFile[],
  memory: DocumentMemory,
  stored: StoredDocuments | null,
  many = MANY_BYTES,
): Promise<boolean> {
  const changed = files.filter(
    ({ file, bytes }) => bytes instanceof Uint8Array && !memory.hasFile(file, bytes),
  )
  if (bytesOf(changed) < many) return false
  const unknown = unknownIn(changed, memory)
  if (stored && textsOf(unknown) >= many)
    for (const [key, document] of stored.read()) if (unknown.delete(key)) memory.keep(key, document)
  if (textsOf(unknown) < many) return false
  await parseTogether(unknown, memory)
  return true
}

export const bytesOf = (files: readonly SourceFile[]): number =>
  files.reduce((sum, { bytes }) => sum + (bytes instanceof Error ? 0 : bytes.length), 0)

const textsOf = (texts: Texts): number => texts.values().reduce((sum, text) => sum + text.length, 0)

/** Files that are no text, or not all of it, are left to reading. */
function unknownIn(files: readonly SourceFile[], memory: DocumentMemory): Texts {
  const unknown: Texts = new Map()
  for (const file of files) {
    const decoded = decode(file, new Findings())
    if (!decoded || decoded.lossy) continue
    for (const { from, to } of splitDocuments(decoded.text)) {
      const text = decoded.text.slice(from, to)
      const key = keyOf(text)
      if (!memory.has(key)) unknown.set(key, text)
    }
  }
  return unknown
}

async function parseTogether(texts: Texts, memory: DocumentMemory): Promise<void> {
  const { Threads } = await import('../../base/threads.ts') // no small configuration needs them
  const threads = new Threads<readonly string[], (KeptDocument | null)[]>({
    module: threadModule('control/compile/parse-task').href,
    least: 0,
    most: Math.min(availableParallelism(), THREADS_MAX),
  })
  try {
    await Promise.all(
      tasksOf(texts).map(async task => {
        const documents = await threads.run(task.map(([, text]) => text))
        for (const [index, document] of documents.entries())
          if (document) memory.keep(task[index][0], document)
      }),
    )
  } finally {
    await threads.close()
  }
}

function tasksOf(texts: Texts): [key: string, text: string][][] {
  const tasks: [string, string][][] = []
  let length = TASK_LENGTH
  for (const each of texts) {
    if (length >= TASK_LENGTH) {
      tasks.push([])
      length = 0
    }
    tasks[tasks.length - 1].push(each)
    length += each[1].length
  }
  return tasks
}
