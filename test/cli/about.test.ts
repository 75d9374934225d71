/** Commands about weir itself, and the variables of run's options. */

import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { test } from 'node:test'
import { Command, Option } from 'commander'
import type { Env } from '../../src/cli/env.ts'
import { duration, integerUpTo } from '../../src/cli/options.ts'
import { readVariables } from '../../src/cli/variables.ts'
import { folder } from '../control/scene.ts'
import { weir } from './kit.ts'

test('version says what a report of a fault needs', async () => {
  const { code, out } = await weir(['version'])
  assert.equal(code, 0)
  assert.match(out, /^weir \d+\.\d+\.\d+\n/)
  for (const [name, value] of [
    ['runs from', 'src'],
    ['Node', process.versions.node],
    ['system', 'Linux'],
    ['engine', '(uring|epoll|node) \\('],
    ['connections', 'up to \\d'],
  ])
    assert.match(out, new RegExp(`^ {2}${name} +${value}`, 'm'))
  const facts = JSON.parse((await weir(['version', '-o', 'json'])).out)
  assert.deepEqual(
    [facts.node.openssl, facts.system.arch, (await weir(['-V'])).out],
    [process.versions.openssl, process.arch, `${facts.version}\n`],
  )
})

/** What bash offers for the last of these words. */
function offered(script: string, ...words: string[]): string[] {
  const ask = 'COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _weir; IFS=,; echo "$' + '{COMPREPLY[*]}"'
  return execFileSync('bash', ['--norc', '-c', `${script}\n${ask}`, 'bash', ...words], { encoding: 'utf8' })
    .trim()
    .split(',')
    .filter(each => each !== '')
}

test('bash completes commands, options and choices', async () => {
  const { out: script } = await weir(['completion', 'bash'])
  const cases: [string[], string[]][] = [
    [['weir', 'dr'], ['drain']],
    [
      ['weir', 'run', '--engine', ''],
      ['auto', 'uring', 'epoll', 'node'],
    ],
    [['weir', 'run', '--engine', '=', 'ep'], ['epoll']],
    [['weir', 'run', '--w'], ['--workers']],
    [['weir', 'check', '--workers'], []],
    [['weir', 'routes', '--limit', ''], []],
    [['weir', 'completion', 'f'], ['fish']],
    [
      ['weir', 'help', 'en'],
      ['endpoints', 'endpoint'],
    ],
  ]
  for (const [words, expected] of cases)
    assert.deepEqual(offered(script, ...words), expected, words.join(' '))
})

test('the manual and every shell know each command and option that help shows', async () => {
  const commands = [...(await weir(['--help'])).out.matchAll(/^ {2}([a-z][\w-]*) /gm)].map(each => each[1])
  const { out: page } = await weir(['man'])
  const scripts = await Promise.all(
    ['bash', 'zsh', 'fish'].map(async shell => (await weir(['completion', shell])).out),
  )
  assert.ok(commands.length > 20)
  for (const command of commands) {
    if (command === 'help' || command === 'weir') continue // 'weir': the examples
    assert.match(page, new RegExp(`^\\.SS weir ${command.replaceAll('-', '\\\\-')}`, 'm'))
    const { out } = await weir([command, '--help'])
    for (const [, option] of out.matchAll(/^ {2}(?:-\w, )?--([a-z-]+)/gm)) {
      assert.ok(page.includes(`\\-\\-${option.replaceAll('-', '\\-')}`), option)
      assert.ok(scripts[0].includes(`--${option}`), option)
      assert.ok(scripts[1].includes(`--${option}[`), option)
      assert.ok(scripts[2].includes(`-l ${option} `), option)
    }
    assert.doesNotMatch(out, /default: \d{4}/) // a duration in milliseconds
  }
  assert.match(page, /^\.B WEIR_RUN_DRAIN_TIMEOUT$/m)
  assert.doesNotMatch(page, /\P{ASCII}/u)
})

/** The options of a command like `run`, after its variables were read. */
async function optionsWith(variables: Record<string, string>, ...words: string[]) {
  const command = new Command()
    .addOption(
      new Option('-f, --filename <FILE>').argParser((text, before: string[] = []) => [...before, text]),
    )
    .option('--workers <N>', '', integerUpTo(9))
    .option('--drain-timeout <DURATION>', '', duration)
    .addOption(new Option('-o, --output <FORMAT>').choices(['text', 'json']))
    .addOption(new Option('--log-format <FORMAT>').choices(['text', 'json']).conflicts('output'))
    .option('--demo', '', false)
    .argument('[PATH...]')
  await command.parseAsync(words, { from: 'user' })
  readVariables(command, command.args, { variables } as unknown as Env)
  return command.opts()
}

test('a variable gives an option, and a flag or one that excludes it wins', async () => {
  const given = { WEIR_RUN_WORKERS: '4', WEIR_RUN_DRAIN_TIMEOUT: '1m', WEIR_RUN_DEMO: 'yes' }
  assert.deepEqual(await optionsWith(given), { workers: 4, drainTimeout: 60_000, demo: true })
  assert.deepEqual(await optionsWith({ ...given, WEIR_RUN_DEMO: '0' }, '--workers', '0'), {
    workers: 0,
    drainTimeout: 60_000,
    demo: false,
  })
  assert.deepEqual(await optionsWith({ WEIR_RUN_WORKERS: '' }), { demo: false })
  const log = { WEIR_RUN_LOG_FORMAT: 'text' }
  assert.deepEqual(await optionsWith(log), { logFormat: 'text', demo: false })
  assert.deepEqual(await optionsWith(log, '-o', 'json'), { output: 'json', demo: false })
  assert.deepEqual(await optionsWith(log, '--log-format', 'json'), { logFormat: 'json', demo: false })
  const files = { WEIR_RUN_FILENAME: 'a:b' }
  assert.deepEqual((await optionsWith(files)).filename, ['a', 'b'])
  assert.equal((await optionsWith(files, 'c')).filename, undefined)
  assert.deepEqual((await optionsWith(files, '-f', 'c')).filename, ['c'])
})

test('run reads its variables, and warns of one that belongs to no option', async t => {
  const root = folder(t, { 'a.yaml': 'a: [' })
  const variables = {
    WEIR_RUN_LOG_FORMAT: 'text',
    WEIR_RUN_FILENAME: root,
    WEIR_RUN_ADMIN: '127.0.0.1:0',
    WEIR_RUN_WORKER: '4',
    WEIR_RUN_PORT_80_TCP: 'tcp://10.0.0.1:80',
  }
  const { code, out, err } = await weir(['run'], { variables })
  assert.equal(code, 1)
  assert.match(out, /^\d\d:\d\d:\d\d error .*a\.yaml:1:5: CFG005/m)
  const cure = 'did you mean WEIR_RUN_WORKERS?'
  assert.equal(err, `warning: WEIR_RUN_WORKER belongs to no option of weir run (${cure})\n`)
})

test('a variable that cannot be read is wrong usage, and named', async () => {
  const cases: [Record<string, string>, RegExp][] = [
    [{ WEIR_RUN_WORKERS: 'many' }, /^error: WEIR_RUN_WORKERS is "many": It must be a whole number/],
    [{ WEIR_RUN_ENGINE: 'urig' }, /^error: WEIR_RUN_ENGINE is "urig": Allowed choices are auto/],
    [{ WEIR_RUN_DEMO: 'perhaps' }, /^error: WEIR_RUN_DEMO is "perhaps": it must be true or false/],
    [
      { WEIR_RUN_ADMIN: '127.0.0.1:1', WEIR_RUN_NO_ADMIN: '1' },
      /WEIR_RUN_NO_ADMIN and WEIR_RUN_ADMIN exclude/,
    ],
  ]
  for (const [variables, message] of cases) {
    const { code, err } = await weir(['run'], { variables })
    assert.deepEqual([code, message.test(err)], [2, true], err)
  }
})
