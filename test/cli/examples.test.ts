/**
 * Goal: every example does what its comments promise. Method: serve it with --demo, on other
 * ports, and type what the comment says:
 *
 *     #   nc [-s FROM] TO 19000  then `test`: ANSWER[, or ANSWER; …]
 *     #   printf 'PROXY …\r\ntest\n' | nc -s FROM TO 19000: ANSWER
 */

import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { ask, folder } from '../control/scene.ts'
import { freePort } from '../support/sockets.ts'
import { weir } from './kit.ts'

const EXAMPLES = new URL('../../config/examples/', import.meta.url).pathname
const DEMO = new URL('../../config/', import.meta.url).pathname
const TYPED = /^# {3}nc (?:-s (\S+) )?(\S+) 19000 +then `test`: (hello\S* test)(?:, or (hello\S* test))?/gm

const PIPED = /^# {3}printf '(PROXY [^']+?)\\r\\ntest\\n' \| nc -s (\S+) (\S+) 19000: (hello\S* test)/gm

/** The files of an example, with its ports exchanged for free ones. */
function texts(root: string, exchange: (text: string) => string): Record<string, string> {
  const names = readdirSync(root).filter(name => name.endsWith('.yaml'))
  return Object.fromEntries(names.map(name => [name, exchange(readFileSync(join(root, name), 'utf8'))]))
}

for (const [name, root] of [
  ['', DEMO],
  ...readdirSync(EXAMPLES).map(each => [`examples/${each}`, join(EXAMPLES, each)]),
]) {
  test(`config/${name} is without a fault and answers as its comments say`, async t => {
    const checked = await weir(['check', '--strict', root])
    assert.equal(checked.code, 0)
    assert.match(checked.out, /\b0 errors, 0 warnings\b/)
    const tested = await weir(['test', '--min-coverage', '100', root])
    assert.equal(tested.code, 0, tested.out + tested.err)
    assert.match(tested.out, / passed, 0 missed\n/)
    const promised = Object.values(texts(root, text => text)).flatMap(text => [...text.matchAll(TYPED)])
    assert.ok(promised.length > 0)
    const piped = Object.values(texts(root, text => text)).flatMap(text => [...text.matchAll(PIPED)])
    assert.equal(piped.length > 0, name.endsWith('proxy-protocol'))
    let send = (_: 'SIGTERM'): void => {}
    const [outer, inner] = [await freePort(), await freePort()]
    const exchange = (text: string) => text.replaceAll('19000', `${outer}`).replaceAll('9000', `${inner}`)
    t.after(() => send('SIGTERM'))
    const ready = Promise.withResolvers<void>()
    const ended = weir(['run', '--demo', '--no-admin', '--workers', '1', folder(t, texts(root, exchange))], {
      onOut: text => text.includes('every listener accepts') && ready.resolve(),
      onReady: each => {
        send = each
      },
    })
    await Promise.race([ready.promise, ended.then(({ out }) => assert.fail(out))])
    for (const [line, from, to, ...answers] of promised) {
      assert.ok(answers.includes(await ask(outer, to, from)), line)
    }
    for (const [line, header, from, to, answer] of piped)
      assert.equal(await ask(outer, to, from, `${header}\r\n`), answer, line)
    send('SIGTERM')
    assert.equal((await ended).code, 0)
  })
}
