/**
 * Goal: names mean what they mean to glibc. Method: a name server of the test's own, a hosts file
 * and a resolv.conf; what was asked for is compared as well as what came of it.
 */

import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { type Answer, answerText } from '../../src/source/names/answer.ts'
import { SystemLookup } from '../../src/source/names/system-lookup.ts'
import { nameFiles, nameServer } from '../support/name-server.ts'
import { freePort } from '../support/sockets.ts'

const PATIENT = 'options timeout:30 attempts:1'
/** Where a server is silent. */
const QUICK = 'options timeout:1 attempts:1'

async function scene(t: TestContext, { conf = PATIENT, hosts = '' } = {}) {
  const dns = await nameServer(t)
  const { files, write } = nameFiles(t, `nameserver ${dns.server}\n${conf}\n`, hosts)
  const lookup = new SystemLookup(files)
  t.after(() => lookup.close())
  await lookup.refresh()
  const ask = async (name: string, last: string | null = null): Promise<string> =>
    shown(await lookup.lookup(name, last))
  return { dns, lookup, write, ask, files }
}

/** "dns db.test 10.0.0.1 30s", or why not. */
function shown(answer: Answer): string {
  const found = Object.values(answer.families).flatMap(each =>
    each.kind === 'found' ? [`${each.addresses.join(' ')} ${each.ttlS}s`] : [],
  )
  const why = answerText(answer)
  return [answer.source, answer.asked, ...found, ...(why === '' ? [] : [`(${why})`])].join(' ')
}

test('all addresses of both families, each with its lifetime', async t => {
  const { dns, ask } = await scene(t)
  dns.zone.set('db.test', { A: ['10.0.0.2', '10.0.0.1', '10.0.0.2'], AAAA: ['2001:DB8::1'], ttl: 30 })
  assert.equal(await ask('db.test'), 'dns db.test 10.0.0.2 10.0.0.1 30s 2001:db8::1 30s')
  assert.equal(await ask('DB.Test.'), 'dns db.test 10.0.0.2 10.0.0.1 30s 2001:db8::1 30s')
})

test('a chain of names lives as long as its shortest record', async t => {
  const { dns, ask } = await scene(t)
  dns.zone.set('www.test', { A: ['10.0.0.1'], ttl: 300, cname: { name: 'lb.test', ttl: 7 } })
  assert.equal(await ask('www.test'), 'dns www.test 10.0.0.1 7s (AAAA: no address)')
})

test('a truncated answer is asked for again by TCP', async t => {
  const { dns, ask } = await scene(t)
  const many = Array.from({ length: 200 }, (_, index) => `10.0.1.${index}`)
  dns.zone.set('big.test', { A: many, ttl: 30, truncated: true })
  const answer = await ask('big.test')
  assert.equal(answer, `dns big.test ${many.join(' ')} 30s (AAAA: no address)`)
  assert.ok(dns.asked.includes('A big.test by TCP'))
})

test('why a name has no address is told apart', async t => {
  const { dns, ask } = await scene(t, { conf: QUICK })
  dns.zone.set('nodata.test', {})
  dns.zone.set('broken.test', { A: 'servfail', AAAA: 'servfail' })
  dns.zone.set('refused.test', { A: 'refused', AAAA: 'refused' })
  dns.zone.set('silent.test', { A: 'silent', AAAA: 'silent' })
  dns.zone.set('half.test', { A: ['10.0.0.1'], AAAA: 'servfail', ttl: 9 })
  dns.zone.set('blocked.test', { A: ['0.0.0.0'], AAAA: ['::'], ttl: 9 })
  const names = ['nx', 'nodata', 'broken', 'refused', 'silent', 'half', 'blocked']
  const answers = await Promise.all(names.map(name => ask(`${name}.test`)))
  assert.deepEqual(answers, [
    'dns nx.test (NXDOMAIN)',
    'dns nodata.test (no address)',
    'dns broken.test (SERVFAIL)',
    'dns refused.test (REFUSED)',
    'dns silent.test (no answer in time)',
    'dns half.test 10.0.0.1 9s (AAAA: SERVFAIL)',
    'dns blocked.test (no address)',
  ])
  assert.equal(
    await ask(`${'x'.repeat(64)}.test`),
    `dns ${'x'.repeat(64)}.test (not a name that DNS can have)`,
  )
})

test('a server that answers with a failure, or not at all, is followed by the next one', async t => {
  const [first, second] = [await nameServer(t), await nameServer(t)]
  first.zone.set('a.test', { A: 'servfail', AAAA: 'refused' })
  second.zone.set('a.test', { A: ['10.0.0.1'], AAAA: ['::1'], ttl: 1 })
  const dead = await freePort()
  const servers = [first.server, `[127.0.0.1]:${dead}`, second.server]
  const { files } = nameFiles(t, `${servers.map(each => `nameserver ${each}`).join('\n')}\n${PATIENT}`)
  const lookup = new SystemLookup(files)
  t.after(() => lookup.close())
  await lookup.refresh()
  assert.equal(shown(await lookup.lookup('a.test', null)), 'dns a.test 10.0.0.1 1s ::1 1s')
  lookup.useServers([`127.0.0.1:${dead}`])
  assert.equal((await lookup.refresh())('any'), true, 'every name may have another answer now')
  assert.equal(shown(await lookup.lookup('a.test', null)), 'dns a.test (the name server cannot be reached)')
})

test('rotate: each question begins with the next server', async t => {
  const servers = [await nameServer(t), await nameServer(t)]
  for (const { zone } of servers) zone.set('a.test', { A: ['10.0.0.1'], AAAA: 'nodata', ttl: 1 })
  const named = servers.map(({ server }) => `nameserver ${server}\n`).join('')
  const { files } = nameFiles(t, `${named}options rotate timeout:30`)
  const lookup = new SystemLookup({ ...files, families: () => [4] })
  t.after(() => lookup.close())
  await lookup.refresh()
  for (let turn = 0; turn < 4; turn++) await lookup.lookup('a.test', null)
  assert.deepEqual(
    servers.map(({ asked }) => asked.length),
    [2, 2],
  )
})

test('the search list: few dots first in its domains, others first as they are', async t => {
  const { dns, ask } = await scene(t, { conf: `search ns.test test.\noptions ndots:2 timeout:30 attempts:1` })
  dns.zone.set('db.test', { A: ['10.0.0.1'], AAAA: 'nodata', ttl: 5 })
  dns.zone.set('a.b.c', { A: ['10.0.0.2'], AAAA: 'nodata', ttl: 5 })
  const questions = async (name: string): Promise<string[]> => {
    dns.asked.length = 0
    await ask(name)
    return dns.asked.filter(each => each.startsWith('A ')).map(each => each.slice(2))
  }
  assert.deepEqual(await questions('db'), ['db.ns.test', 'db.test'])
  assert.equal(await ask('db'), 'dns db.test 10.0.0.1 5s (AAAA: no address)')
  assert.deepEqual(await questions('db.test'), ['db.test.ns.test', 'db.test.test', 'db.test'])
  assert.deepEqual(await questions('a.b.c'), ['a.b.c'])
  assert.deepEqual(await questions('x.y.z'), ['x.y.z', 'x.y.z.ns.test', 'x.y.z.test'])
  assert.deepEqual(await questions('db.'), ['db'], 'a dot at the end: nothing is searched')
})

test('a SERVFAIL leads on to the next domain, a timeout does not, and neither does the last good one', async t => {
  const { dns, ask } = await scene(t, { conf: `search one.test two.test\n${QUICK}` })
  dns.zone.set('db.two.test', { A: ['10.0.0.2'], AAAA: 'nodata', ttl: 5 })
  dns.zone.set('db.one.test', { A: 'servfail', AAAA: 'servfail' })
  assert.equal(await ask('db'), 'dns db.two.test 10.0.0.2 5s (AAAA: no address)')
  assert.equal(await ask('db', 'db.one.test'), 'dns db.one.test (SERVFAIL)')
  dns.zone.set('db.one.test', { A: 'silent', AAAA: 'silent' })
  assert.equal(await ask('db'), 'dns db.one.test (no answer in time)')
  dns.zone.set('db.one.test', {})
  dns.zone.delete('db.two.test')
  assert.equal(await ask('db'), 'dns db.one.test (no address)', 'a name that exists says more')
})

test('the hosts file comes first: aliases, case, both families, all lines', async t => {
  const hosts = `
# comment 10.9.9.9 db
10.0.0.1   db.test DB Alias # not-this
2001:db8:0::1\tdb.test
10.0.0.2 db.test
10.0.0.1 db.test
0.0.0.0 ads.test
nonsense db.test
10.0.0.3`
  const { dns, ask } = await scene(t, { hosts })
  assert.equal(await ask('db.test'), 'hosts db.test 10.0.0.1 10.0.0.2 Infinitys 2001:db8::1 Infinitys')
  assert.equal(await ask('dB.'), 'hosts db 10.0.0.1 Infinitys (AAAA: no address)')
  assert.equal(await ask('alias'), 'hosts alias 10.0.0.1 Infinitys (AAAA: no address)')
  assert.equal(dns.asked.length, 0)
  await ask('not-this')
  await ask('ads.test')
  assert.ok(dns.asked.includes('A not-this') && dns.asked.includes('A ads.test'))
})

test('localhost needs neither a file nor a server', async t => {
  const { dns, ask } = await scene(t)
  assert.equal(await ask('localhost'), 'localhost localhost 127.0.0.1 Infinitys ::1 Infinitys')
  assert.equal(await ask('a.LOCALHOST.'), 'localhost a.localhost 127.0.0.1 Infinitys ::1 Infinitys')
  assert.equal(dns.asked.length, 0)
})

test('changed files are read again, and say whose answer may differ', async t => {
  const { dns, lookup, write, ask } = await scene(t, { hosts: '10.0.0.1 a.test b.test' })
  assert.equal((await lookup.refresh())('a.test'), false)
  write('hosts', '10.0.0.1 b.test\n10.0.0.2 c.test')
  const isOther = await lookup.refresh()
  assert.deepEqual(['A.test', 'b.test', 'c.test', 'd.test'].map(isOther), [true, false, true, false])
  assert.equal(await ask('a.test'), 'dns a.test (NXDOMAIN)')
  write('resolv.conf', `nameserver ${dns.server}\n# another comment\n${PATIENT}`)
  assert.equal((await lookup.refresh())('a.test'), false, 'it says the same')
  write('resolv.conf', `nameserver ${dns.server}\nsearch b\n${PATIENT}`)
  assert.equal((await lookup.refresh())('a.test'), true)
  assert.equal(await ask('x'), 'dns x.b (NXDOMAIN)')
})

test('a family that the machine has no address of is not asked for', async t => {
  const dns = await nameServer(t)
  dns.zone.set('a.test', { A: ['10.0.0.1'], AAAA: ['::1'], ttl: 5 })
  const { files, write } = nameFiles(t, `nameserver ${dns.server}\n${PATIENT}`)
  let families: (4 | 6)[] = [4]
  const lookup = new SystemLookup({ ...files, families: () => families })
  t.after(() => lookup.close())
  const ask = async (): Promise<string> => {
    await lookup.refresh()
    return shown(await lookup.lookup('a.test', null))
  }
  assert.equal(await ask(), 'dns a.test 10.0.0.1 5s')
  assert.deepEqual(dns.asked, ['A a.test'])
  families = []
  assert.equal(await ask(), 'dns a.test 10.0.0.1 5s ::1 5s', 'no address at all: both')
  families = [6]
  assert.equal(await ask(), 'dns a.test ::1 5s')
  families = [4, 6]
  write('resolv.conf', `nameserver ${dns.server}\noptions no-aaaa`)
  assert.equal(await ask(), 'dns a.test 10.0.0.1 5s')
})
