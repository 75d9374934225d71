/**
 * Session tickets: sealed with the current key, opened with that or the one before, whose tickets
 * are renewed. OpenSSL itself has the current key alone, and seals with it. A callback costs more
 * than that (docs/benchmarks.md), so one is there only while OpenSSL reads a ClientHello, and only
 * if there is a key before: it opens either's tickets.
 *
 * The format is OpenSSL's own, of RFC 5077: AES-256 in CBC mode and an HMAC with SHA-256
 * (SSL_CTX_set_tlsext_ticket_key_evp_cb(3)).
 */

import { assert } from '../base/assert.ts'
import { TICKET_KEY_BYTES } from './material.ts'
import { addressOf, Ctrl, callback, type OpenSsl, readWord, setTicketCallback, writeWord } from './openssl.ts'

/** What the callback returns. */
const NO_TICKET = 0
const GOOD = 1
const RENEW = 2

/** One key, where OpenSSL can read it: its parts, and the parameters of the HMAC, OSSL_PARAM(3). */
class Key {
  /** The key as OpenSSL has its own: name, HMAC, AES. */
  readonly address: bigint
  readonly name: readonly [bigint, bigint]
  readonly cipherKey: bigint
  readonly parameters: bigint
  /** Outside V8's heap, so that it does not move. */
  readonly #bytes = Buffer.allocUnsafeSlow(BLOCK_BYTES)

  /** @param key  16 bytes of a name, 32 of an HMAC, 32 of AES. */
  constructor(key: Uint8Array) {
    const bytes = this.#bytes.fill(0)
    const at = addressOf(bytes)
    bytes.set(key)
    bytes.write('key\0digest\0SHA256\0', WORDS_AT, 'latin1')
    this.#parameter(0, at + BigInt(WORDS_AT), OCTETS, at + 16n, 32)
    this.#parameter(1, at + BigInt(WORDS_AT + 4), TEXT, at + BigInt(WORDS_AT + 11), 6)
    this.address = at
    this.name = [bytes.readBigUInt64LE(0), bytes.readBigUInt64LE(8)]
    this.cipherKey = at + 48n
    this.parameters = at + BigInt(PARAMETERS_AT)
  }

  /** Nothing is left of it; a third parameter of zeros is the end of the list. */
  wipe(): void {
    this.#bytes.fill(0)
  }

  #parameter(index: number, name: bigint, type: number, data: bigint, length: number): void {
    const at = PARAMETERS_AT + index * PARAMETER_BYTES
    this.#bytes.writeBigUInt64LE(name, at)
    this.#bytes.writeUInt32LE(type, at + 8)
    this.#bytes.writeBigUInt64LE(data, at + 16)
    this.#bytes.writeBigUInt64LE(BigInt(length), at + 24)
    this.#bytes.writeBigUInt64LE(UNMODIFIED, at + 32)
  }
}

const WORDS_AT = 80
const PARAMETERS_AT = 112
const PARAMETER_BYTES = 40
const BLOCK_BYTES = PARAMETERS_AT + 3 * PARAMETER_BYTES
/** OSSL_PARAM_UTF8_STRING, OSSL_PARAM_OCTET_STRING, OSSL_PARAM_UNMODIFIED: openssl/core.h. */
const TEXT = 4
const OCTETS = 5
const UNMODIFIED = 2n ** 64n - 1n

export class Tickets {
  readonly #openssl: OpenSsl
  /** By context; the current key first. */
  readonly #keys = new Map<bigint, readonly Key[]>()
  readonly #cipher: bigint
  readonly #callback: bigint

  constructor(openssl: OpenSsl) {
    this.#openssl = openssl
    this.#cipher = openssl.ssl.EVP_aes_256_cbc()
    this.#callback = callback(openssl, 'ticket', this.#call)
  }

  /** @param keys  The current one first. */
  seal(context: bigint, keys: readonly Uint8Array[]): void {
    const all = keys.map(each => new Key(each))
    this.#keys.set(context, all)
    const [{ address }] = all
    const { ssl } = this.#openssl
    const isTaken = ssl.SSL_CTX_ctrl(context, Ctrl.ticketKeys, BigInt(TICKET_KEY_BYTES), address) === 1n
    assert(isTaken, 'OpenSSL takes no key of tickets')
  }

  /** Whether tickets of another key than the current one are taken. */
  hasOlder(context: bigint): boolean {
    return (this.#keys.get(context)?.length ?? 0) > 1
  }

  /** Before each step of a handshake: only in the first one OpenSSL opens a ticket. */
  turn(context: bigint, isFirst: boolean): void {
    setTicketCallback(context, isFirst ? this.#callback : 0n)
  }

  /** When contexts are freed. Handshakes that have begun with them get a ticket of their key. */
  clear(): void {
    for (const keys of this.#keys.values()) for (const key of keys) key.wipe()
    this.#keys.clear()
  }

  readonly #call = (
    session: bigint,
    name: bigint,
    iv: bigint,
    cipher: bigint,
    mac: bigint,
    seals: number,
  ): number => {
    try {
      const keys = this.#keys.get(this.#openssl.ssl.SSL_get_SSL_CTX(session)) ?? []
      return seals === 1
        ? this.#seal(keys[0], name, iv, cipher, mac)
        : this.#open(keys, name, iv, cipher, mac)
    } catch {
      return NO_TICKET
    }
  }

  #seal(key: Key | undefined, name: bigint, iv: bigint, cipher: bigint, mac: bigint): number {
    const { ssl } = this.#openssl
    if (key === undefined || ssl.RAND_bytes(iv, 16) !== 1) return NO_TICKET
    writeWord(name, key.name[0])
    writeWord(name + 8n, key.name[1])
    const isReady =
      ssl.EVP_EncryptInit_ex(cipher, this.#cipher, 0n, key.cipherKey, iv) === 1 &&
      ssl.EVP_MAC_CTX_set_params(mac, key.parameters) === 1
    return isReady ? GOOD : NO_TICKET
  }

  #open(keys: readonly Key[], name: bigint, iv: bigint, cipher: bigint, mac: bigint): number {
    const { ssl } = this.#openssl
    const [first, second] = [readWord(name), readWord(name + 8n)]
    const index = keys.findIndex(key => key.name[0] === first && key.name[1] === second)
    if (index < 0) return NO_TICKET
    const key = keys[index]
    const isReady =
      ssl.EVP_MAC_CTX_set_params(mac, key.parameters) === 1 &&
      ssl.EVP_DecryptInit_ex(cipher, this.#cipher, 0n, key.cipherKey, iv) === 1
    if (!isReady) return NO_TICKET
    return index === 0 ? GOOD : RENEW
  }
}
