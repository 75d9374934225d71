/**
 * Goal: `weir why --log` tells of a client's connections what the access log has of them, in either
 * form, and where they would go by the files as they are. Method: the command, on lines as a
 * gateway writes them; test/cli/why.test.ts has those of a gateway that has ended.
 */

import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { folder } from '../control/scene.ts'
import { weir } from './kit.ts'
import { CONFIG } from './log-kit.ts'

const START = '2026-11-23T07:36:27.123Z'
const LINE = {
  start_time: START,
  access_log_type: 'TcpConnectionEnd',
  connection_id: 1025,
  duration: 340,
  downstream_remote_address: '10.0.0.7:5001',
  downstream_local_address: '192.0.2.1:7000',
  upstream_host: '10.0.0.11:9000',
  bytes_received: 120,
  bytes_sent: 3_000,
  upstream_wire_bytes_sent: 56,
  upstream_wire_bytes_received: 4_000,
  upstream_attempts: 2,
  connect_ms: 0.31,
  first_byte_ms: 1.24,
  generation: 3,
  route_name: 'default/all tcp[1]',
  rule_file: 'config/a.yaml:24',
  upstream_cluster: 'outbound|9000||second.example',
  listener: 'default/edge *:7000',
  reason: 'upstream-reset',
  errno: 'ECONNRESET',
}

const json = (fields: object = {}): string => JSON.stringify({ ...LINE, ...fields })
const text = (more = ', by default/all tcp[1] (config/a.yaml:24), outbound|9000||second.example'): string =>
  `[${START}] 10.0.0.7:5001 -> 192.0.2.1:7000 -> 10.0.0.11:9000 upstream-reset (ECONNRESET) after 340 ms, 120 bytes in, 3000 out, 64 not to the upstream${more}, generation 3, connection 1025`

function scene(t: TestContext, lines: readonly string[]) {
  const root = folder(t, { 'files/a.yaml': CONFIG, 'access.log': `${lines.join('\n')}\n` })
  const log = join(root, 'access.log')
  const files = join(root, 'files')
  return {
    log,
    files,
    ask: (who: string, ...words: string[]) => weir(['why', who, '--log', log, ...words, files]),
    save: (changed: string) => writeFileSync(join(files, 'a.yaml'), changed),
  }
}

/** Its times ago and its folders depend on the machine. */
const told = (out: string, root: string): string =>
  out.replaceAll(root, '…').replace(/ended .*? ago/g, 'ended … ago')

test('a line of either form is told as a gateway would, with its place and the rule as it is now', async t => {
  const { ask, log, files } = scene(t, ['nonsense', json(), text().replace('5001', '5002')])
  const ofJson = await ask('10.0.0.7:5001')
  const rule = `default/all tcp[1]  ${files}/a.yaml:16`
  assert.deepEqual([ofJson.code, ofJson.err], [0, ''])
  assert.equal(
    told(ofJson.out, log),
    `10.0.0.7:5001 → 192.0.2.1:7000  ended … ago by the upstream: upstream-reset (ECONNRESET)
  record    …:2, accepted at ${START}
  why       The upstream reset the connection; the client was reset too.
  rule      default/all tcp[1]  config/a.yaml:24, generation 3
  to        second.example:9000, at 10.0.0.11:9000
  times     dialed 2 times, connected in 0.3 ms, first byte after 1.2 ms, lasted 340 ms
  bytes     120 B from the client, 4.0 kB from the upstream; 1.1 kB of them were lost
  now       the same by the files: ${rule}, to 80 % first.example:9000, 20 % second.example:9000
`,
  )
  const ofText = await ask('10.0.0.7:5002')
  assert.equal(
    told(ofText.out, log),
    `10.0.0.7:5002 → 192.0.2.1:7000  ended … ago by the upstream: upstream-reset (ECONNRESET)
  record    …:3, accepted at ${START}
  why       The upstream reset the connection; the client was reset too.
  rule      default/all tcp[1]  config/a.yaml:24, generation 3
  to        second.example:9000, at 10.0.0.11:9000
  times     dialed, lasted 340 ms
  bytes     120 B from the client, 3.0 kB from the upstream; 64 B of them were lost
  now       the same by the files: ${rule}, to 80 % first.example:9000, 20 % second.example:9000
`,
  )
})

test('of a client, a range and several logs: the latest first, and of each its last line', async t => {
  const at = (seconds: number, id: number, fields: object = {}): string => {
    const start_time = new Date(Date.parse(START) + seconds * 1000).toISOString()
    return json({ start_time, connection_id: id, ...fields })
  }
  const open = { access_log_type: 'TcpPeriodic', reason: null, errno: undefined }
  const { ask, log } = scene(t, [
    at(0, 1, { ...open, duration: 60_000 }),
    at(0, 1, { duration: 90_000 }), // ends at 90 s
    at(1, 2, { downstream_remote_address: '10.0.0.70:5001' }),
    at(2, 3, { downstream_remote_address: '[2001:db8::7]:5001' }),
    at(3, 4, { ...open, duration: 80_000 }), // the gateway's end was not its own
  ])
  const older = [
    at(0, 1, { ...open, duration: 30_000 }), // told before the end, in a log that is read after it
    at(3, 4, { ...open, duration: 20_000 }),
  ]
  writeFileSync(`${log}.1`, `${at(-5, 5)}\n${at(-4, 6)}\n${older.join('\n')}\n`)
  const found = async (who: string, ...words: string[]) => {
    const { out, err } = await ask(who, '--log', `${log}.1`, '--output', 'json', ...words)
    assert.equal(err, '')
    return out
      .trim()
      .split('\n')
      .map(line => JSON.parse(line))
  }
  const ids = async (...words: Parameters<typeof found>) =>
    (await found(...words)).map(({ connection }) => connection.id)
  assert.deepEqual(await ids('10.0.0.7'), [1, 4, 6, 5])
  assert.deepEqual(await ids('10.0.0.7:5001', '--limit', '2'), [1, 4])
  assert.deepEqual(await ids('10.0.0.0/24'), [1, 4, 2, 6, 5])
  assert.deepEqual(await ids('2001:db8:0::7'), [3])
  assert.deepEqual(await ids('[2001:db8::7]:5001'), [3])
  const [{ record, connection, now }, second] = await found('10.0.0.7', '--limit', '2')
  assert.deepEqual(
    [record, second.record],
    [
      { file: log, line: 2 },
      { file: log, line: 5 },
    ],
  )
  assert.deepEqual(
    [connection.reason, connection.endedBy, connection.rule.line, connection.lostBytes, now.rule.route],
    ['upstream-reset', 'upstream', 24, 1_064, 1],
  )
  const { out } = await ask('10.0.0.7', '--limit', '2')
  assert.match(
    out,
    /\n\n10\.0\.0\.7:5001 → 192\.0\.2\.1:7000 {2}open for 1 min when the log last told of it, .* ago\n/,
  )
})

test('many lines of a client are not kept', async t => {
  const lines = Array.from({ length: 5_000 }, (_, id) => json({ connection_id: id, duration: id % 4_000 }))
  const { ask } = scene(t, lines)
  const { out } = await ask('10.0.0.7', '-o', 'json', '--limit', '3')
  const ids = out
    .trim()
    .split('\n')
    .map(line => JSON.parse(line).connection.id)
  assert.deepEqual(ids, [3_999, 3_998, 3_997])
})

test('now: another rule, another place, no gateway, nobody, or what nobody can say', async t => {
  const { ask, save, log } = scene(t, [
    json(),
    text().replace('5001', '5002'),
    json({
      downstream_remote_address: '10.0.0.7:5003',
      upstream_host: null,
      route_name: null,
      reason: 'hello-timeout',
    }),
  ])
  const now = async (who: string): Promise<string> =>
    /^ {2}now {7}(.*)$/m.exec((await ask(who)).out)?.[1] ?? ''
  save(CONFIG.replace('10.9.0.0/16', '10.0.0.0/16'))
  assert.match(
    await now('10.0.0.7:5001'),
    /^by the files: default\/all tcp\[0\]\.match\[0\] {2}\S+, to second\.example:9000$/,
  )
  save(CONFIG.replace('- {destination: {host: second.example}, weight: 20}', ''))
  assert.match(
    await now('10.0.0.7:5001'),
    /^by the files: default\/all tcp\[1\] {2}\S+, to first\.example:9000$/,
  )
  save(CONFIG.replace('number: 7000', 'number: 7001'))
  assert.equal(
    await now('10.0.0.7:5001'),
    'reset, no-route: gateway default/edge does not listen on 192.0.2.1:7000',
  )
  assert.equal(await now('10.0.0.7:5002'), 'by the files: nothing listens at 192.0.2.1:7000')
  save(CONFIG.replaceAll('edge', 'inner'))
  assert.equal(await now('10.0.0.7:5001'), 'reset, no-route: gateway default/edge listens nowhere')
  assert.match(await now('10.0.0.7:5002'), /^the same by the files/)
  assert.equal(await now('10.0.0.7:5003'), 'depends on what it sends: weir had not read it')
  save('kind: [')
  const { code, out, err } = await ask('10.0.0.7:5001')
  assert.deepEqual([code, err.includes('error CFG')], [1, true])
  assert.match(told(out, log), /\n {2}rule {6}default\/all tcp\[1\]/)
  assert.match(out, /\n {2}now {7}cannot be said: these files cannot be served\n$/)
})

test('wrong usage, no such client, no such log, and no gateway either', async t => {
  const { ask, log, files } = scene(t, [json()])
  const cases: [Promise<{ code: number; err: string }>, number, RegExp][] = [
    [ask('10.0.0.8'), 1, /^10\.0\.0\.8: not in 1 line of \S+\n$/],
    [
      weir(['why', '10.0.0.0/8', '--log', '-', files], { stdin: 'x\ny\n' }),
      1,
      /not in 2 lines of -, and none is/,
    ],
    [ask('nobody'), 2, /^error: nobody: not an address, a range, or an address with port\n$/],
    [weir(['why', '10.0.0.7', '--log', `${log}.2`, files]), 2, /^error: --log \S+: ENOENT/],
    [weir(['why', '10.0.0.7', files]), 2, /^error: PATH, -f, -R and --kubernetes are for --log/],
    [weir(['why', '10.0.0.7', '--log', '-', '-']), 2, /standard input can be read only once/],
    [weir(['why', '10.0.0.7', '--log', log, '--admin', '127.0.0.1:1']), 2, /cannot be used with/],
    [weir(['why', '10.0.0.7', '--admin', 'unix:/nowhere/weir.sock']), 1, /no gateway answers .*--log FILE/],
  ]
  for (const [said, code, pattern] of cases) {
    const { code: found, err } = await said
    assert.equal(found, code, err)
    assert.match(err, pattern)
  }
})
