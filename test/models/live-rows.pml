/*
 * A row of live connections, read while it changes hands: src/stats/connections.ts (publishRow, withdrawRow) by
 * the worker (engine/worker/journal.ts: opened, redirected, closed), src/stats/live-connections.ts (#read, has, #keepLoads) by
 * any other thread.
 *
 * Atomics.store keeps what comes before it, not what comes after; Atomics.load keeps what comes after it,
 * not what comes before; and a load never passes a store of Atomics that is before it (stlr and ldar of ARMv8).
 * So plain words may move: each that may is moved here, or is not, as the search pleases.
 *
 * Shown: a copy that is believed is of one connection, in all its words.
 *
 * Faults: NO_LOAD (withdrawRow without the load: later writes overtake it), NO_STORE (the reader's plain loads are
 * not kept before its second look), EVEN (a row is believed without asking whether it was whole).
 */

#define CONNECTIONS 3

byte version
byte id     /* stands for the words, which the reader loads by Atomics */
byte bytes  /* stands for the numbers, which the reader loads plainly */

active proctype Writer() {
  byte next = 1;
  bool idWritten = false, bytesWritten = false;
  do
  :: next <= CONNECTIONS ->
    /* plain writes, in any order, of a row that is nobody's */
    do
    :: !idWritten -> id = next; idWritten = true
    :: !bytesWritten -> bytes = next; bytesWritten = true
    :: idWritten && bytesWritten -> break
    od;
    version++; /* publishRow */
    next++;
    idWritten = false;
    bytesWritten = false;
#ifdef NO_LOAD
    if
    :: next <= CONNECTIONS -> id = next; idWritten = true
    :: next <= CONNECTIONS -> bytes = next; bytesWritten = true
    :: skip
    fi;
#endif
    version++ /* withdrawRow */
  :: else -> break
  od
}

active proctype Reader() {
  byte looked, again, words, numbers;
  bool haveNumbers = false;
  do
  :: looked = version;
    haveNumbers = false;
    if
#ifndef EVEN
    :: looked % 2 == 0
    :: looked % 2 == 1 ->
#else
    :: true ->
#endif
      if
      :: numbers = bytes; haveNumbers = true
      :: true /* later */
      fi;
      words = id;
#ifndef NO_STORE
      if
      :: !haveNumbers -> numbers = bytes; haveNumbers = true
      :: haveNumbers
      fi;
#endif
      again = version;
      if
      :: !haveNumbers -> numbers = bytes
      :: haveNumbers
      fi;
      assert(looked != again || words == numbers)
    fi
  :: version == 2 * CONNECTIONS -> break
  od
}
