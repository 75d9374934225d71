/**
 * Functions that OpenSSL calls in the thread that registered them. None may throw: that would end
 * the process. Each belongs to a thread, and serves all of its contexts.
 */

import { bytesAt, Ctrl, callback, type OpenSsl, writeByte, writeWord } from './openssl.ts'

/** SSL_TLSEXT_ERR_OK and _NOACK: the extension is answered, or left out. */
const OK = 0
const NO_ANSWER = 3

/** Chooses a protocol of ALPN: the first of the server's that the client offers, or none. */
export class AlpnChoices {
  readonly #openssl: OpenSsl
  readonly #lists: (readonly string[])[] = []
  readonly #callback: bigint

  constructor(openssl: OpenSsl) {
    this.#openssl = openssl
    this.#callback = callback(openssl, 'alpn', this.#choose)
  }

  choose(context: bigint, protocols: readonly string[]): void {
    const same = this.#lists.findIndex(list => list.join() === protocols.join())
    const index = same >= 0 ? same : this.#lists.push(protocols) - 1
    this.#openssl.ssl.SSL_CTX_set_alpn_select_cb(context, this.#callback, BigInt(index))
  }

  readonly #choose = (
    _ssl: bigint,
    out: bigint,
    outBytes: bigint,
    offered: bigint,
    bytes: number,
    index: bigint,
  ): number => {
    try {
      const list = Buffer.from(bytesAt(offered, bytes))
      for (const wanted of this.#lists[Number(index)] ?? [])
        for (let at = 0; at < list.length; at += 1 + list[at])
          if (list.toString('latin1', at + 1, at + 1 + list[at]) === wanted) {
            writeWord(out, offered + BigInt(at + 1))
            writeByte(outBytes, list[at])
            return OK
          }
      return NO_ANSWER
    } catch {
      return NO_ANSWER
    }
  }
}

/** Answers of OCSP that go with certificates, to clients that ask for one. */
export class Staples {
  readonly #openssl: OpenSsl
  /** By the certificate. */
  readonly #answers = new Map<bigint, Uint8Array>()
  readonly #callback: bigint

  constructor(openssl: OpenSsl) {
    this.#openssl = openssl
    this.#callback = callback(openssl, 'status', this.#answer)
  }

  staple(context: bigint, certificate: bigint, answer: Uint8Array): void {
    this.#answers.set(certificate, answer)
    this.#openssl.ssl.SSL_CTX_callback_ctrl(context, Ctrl.statusCallback, this.#callback)
  }

  /** Before certificates are replaced. */
  clear(): void {
    this.#answers.clear()
  }

  readonly #answer = (session: bigint): number => {
    try {
      const { ssl } = this.#openssl
      const answer = this.#answers.get(ssl.SSL_get_certificate(session))
      if (answer === undefined) return NO_ANSWER
      const copy = ssl.CRYPTO_malloc(BigInt(answer.length), 0n, 0) // SSL_free frees it
      if (copy === 0n) return NO_ANSWER
      copyTo(copy, answer)
      ssl.SSL_ctrl(session, Ctrl.statusResponse, BigInt(answer.length), copy)
      return OK
    } catch {
      return NO_ANSWER
    }
  }
}

function copyTo(address: bigint, bytes: Uint8Array): void {
  for (const [index, byte] of bytes.entries()) writeByte(address + BigInt(index), byte)
}

/** A verification that everyone passes. */
export const anyone = (openssl: OpenSsl): bigint => callback(openssl, 'verify', () => 1)
