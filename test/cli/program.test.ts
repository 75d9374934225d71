import assert from 'node:assert/strict'
import { test } from 'node:test'
import { weir } from './kit.ts'

const ESCAPE = '\u001b['

test('--version says the version, --help the commands, both with 0', async () => {
  assert.match((await weir(['--version'])).out, /^\d+\.\d+\.\d+\n$/)
  const { code, out } = await weir(['--help'])
  assert.equal(code, 0)
  for (const command of ['run', 'check', 'explain']) assert.match(out, new RegExp(`^ {2}${command} `, 'm'))
})

for (const command of ['run', 'check', 'explain']) {
  test(`weir ${command} --help has examples`, async () => {
    const { code, out } = await weir([command, '--help'])
    assert.equal(code, 0)
    assert.match(out, new RegExp(`Examples:\n {2}weir ${command}`))
  })
}

test('help shows defaults as they would be typed', async () => {
  const { out } = await weir(['rollout', '--help'])
  assert.match(
    out.replace(/\s+/g, ' '),
    /default: 5,20,50,100\).*\(default: dial-failures,resets,connect-p99\)/,
  )
})

test('what is no command, option or value is told on stderr with a hint, and 2', async () => {
  const cases: [string[], RegExp][] = [
    [['chekc'], /Did you mean check\?/],
    [['check', '--outptu', 'json'], /Did you mean --output\?/],
    [['check', '--output', 'xml'], /Allowed choices are text, json/],
    [['run', '--workers', 'many'], /whole number from 0 to 1024/],
    [['run', '--workers', '4096'], /whole number from 0 to 1024/],
    [['run', '--admin', 'here'], /an IP address and a port/],
    [['run', '--drain-timeout', '30'], /no unit: 30s, 30ms\? It must be a duration, like 30s/],
    [['run', '--drain-timeout', 'x'], /invalid\. It must be a duration.*\n\(run weir run --help for usage\)/],
    [['explain', '--labels', 'app'], /like app=web/],
    [['explain', '--labels', 'app=web,tier'], /"tier" is no label/],
    [['explain'], /say with --to/],
    [['explain', '--to', 'nowhere'], /--to nowhere/],
    [['explain', '--to', '10.0.0.1:9000', '--from', 'x'], /--from x/],
  ]
  for (const [words, hint] of cases) {
    const { code, out, err } = await weir(words)
    assert.equal(code, 2, words.join(' '))
    assert.equal(out, '')
    assert.match(err, hint)
  }
})

test('no command at all shows the help on stderr, and 2', async () => {
  const { code, out, err } = await weir([])
  assert.deepEqual({ code, out }, { code: 2, out: '' })
  assert.match(err, /Usage: weir/)
})

test('colours are for terminals, unless NO_COLOR or FORCE_COLOR say otherwise', async () => {
  const coloured = async (world: Parameters<typeof weir>[1]) =>
    (await weir(['check', 'no/such/path'], world)).out.includes(ESCAPE)
  assert.equal(await coloured({}), false)
  assert.equal(await coloured({ isTTY: true }), true)
  assert.equal(await coloured({ isTTY: true, variables: { TERM: 'dumb' } }), false)
  assert.equal(await coloured({ isTTY: true, variables: { NO_COLOR: '1' } }), false)
  assert.equal(await coloured({ isTTY: true, variables: { NO_COLOR: '' } }), true)
  assert.equal(await coloured({ variables: { FORCE_COLOR: '1' } }), true)
  assert.equal(await coloured({ isTTY: true, variables: { FORCE_COLOR: '0' } }), false)
  assert.equal(await coloured({ variables: { FORCE_COLOR: '1', NO_COLOR: '1' } }), true)
})
