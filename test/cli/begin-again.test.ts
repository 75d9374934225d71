/** `weir run` executes itself once more, told what only a process that begins can be told. */

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'
import { environment, type Variables, WEIR } from './start-kit.ts'

/** Prints the process and a setting of malloc, as Node begins and as it ends. */
const TELLING = `data:text/javascript,${encodeURIComponent(`
  const tell = () => process._rawDebug('node ' + process.pid + ' ' + (process.env.MALLOC_MMAP_THRESHOLD_ ?? ''))
  tell()
  process.on('exit', tell)
`)}`

function toldBy(command: string, variables: Variables = {}): string[][] {
  const words = ['--import', TELLING, WEIR, command, '/none']
  const { stderr, pid } = spawnSync(process.execPath, words, {
    env: environment(variables),
    encoding: 'utf8',
  })
  const told = [...stderr.matchAll(/^node (\d+) (\d*)$/gm)]
  return told.map(([, each, malloc]) => [Number(each) === pid ? 'itself' : 'another', malloc])
}

test('a gateway begins again as a process that gives memory back, unless somebody chose otherwise', () => {
  assert.deepEqual(toldBy('run'), [
    ['itself', ''],
    ['itself', '131072'],
    ['itself', ''], // nothing that it starts is to inherit it
  ])
  const chosen = ['itself', '65536']
  assert.deepEqual(toldBy('run', { MALLOC_MMAP_THRESHOLD_: '65536' }), [chosen, chosen])
  assert.equal(toldBy('check').length, 2)
})

/** Of the last process that a command is: of its command line, and of a thread that it starts. */
function semiSpaces(words: readonly string[], variables: Variables = {}, node: readonly string[] = []) {
  const telling = `data:text/javascript,${encodeURIComponent("process._rawDebug('node ' + process.execArgv.join(' '))")}`
  const { stderr } = spawnSync(process.execPath, [...node, '--import', telling, WEIR, ...words], {
    env: environment(variables),
    encoding: 'utf8',
  })
  const last = [...stderr.matchAll(/^node (.*)$/gm)].at(-1)?.[1] ?? ''
  return last.split(' ').filter(each => each.includes('semi-space'))
}

const LARGER = ['--min-semi-space-size=32', '--max-semi-space-size=32']
const FOLLOWING = ['run', '--kubernetes', '--kubeconfig', '/none']

test('a gateway that follows a cluster begins with a larger young generation, and no other does', () => {
  assert.deepEqual(semiSpaces(FOLLOWING), LARGER)
  assert.deepEqual(semiSpaces(FOLLOWING, { MALLOC_MMAP_THRESHOLD_: '65536' }), LARGER)
  assert.deepEqual(semiSpaces(['run', '--kubeconfig', '/none'], { WEIR_RUN_KUBERNETES: 'Yes' }), LARGER)
  assert.deepEqual(semiSpaces(['run', '/none'], { WEIR_RUN_KUBERNETES: 'off' }), [])
  assert.deepEqual(semiSpaces(['run', '/none']), [])
  assert.deepEqual(semiSpaces(['check', '--kubernetes', '--kubeconfig', '/none']), [])
})

test('a young generation that somebody has chosen stays as chosen', () => {
  const NODE_OPTIONS = '--max-semi-space-size=4'
  assert.deepEqual(semiSpaces(FOLLOWING, { NODE_OPTIONS }), [])
  assert.deepEqual(semiSpaces(FOLLOWING, {}, [NODE_OPTIONS]), [NODE_OPTIONS])
})
