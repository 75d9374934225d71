/*
 * A table on its way to a worker: src/control/workers/supervisor.ts and src/engine/worker/mailbox.ts.
 *
 *   Supervisor    publish, #start, #onReport of 'waiting', rouse
 *   Worker        flow/engine.ts: run, #complete of WAKE, #onAccept; mailbox.ts: refresh, receive
 *   dies          a worker that ends in the middle; its successor has the same eventfd
 *
 * The port is a queue that loses nothing, the epoch a word that both use by Atomics alone.
 *
 * Shown: who has seen the epoch routes by that table or a newer one, so a connection that comes after
 * publish() never goes by an older; whoever waits has every order that was posted.
 *
 * Faults: EPOCH_FIRST (raised before the table is posted), WAKE_FIRST (roused before), NO_FIRST_WAKE (whoever says
 * that it waits is not roused for what was posted until then).
 */

#define GENERATIONS 3
#define CONNECTIONS 2

chan port = [8] of { byte }
chan reports = [2] of { bit } /* 'waiting' */
byte epoch
byte published /* what publish() has returned from */
byte wakes     /* the count of the eventfd */
bool known     /* the supervisor has been told of the eventfd */
byte served    /* the worker's table */
bool dead
byte deaths

inline rouse() {
  if
  :: known -> wakes++
  :: else
  fi
}

active proctype Supervisor() {
  byte newest = 0;
  do
  :: newest < GENERATIONS && !dead ->
    newest++;
#ifdef EPOCH_FIRST
    epoch = newest;
#endif
#ifdef WAKE_FIRST
    rouse();
#endif
    port!newest;
#ifndef EPOCH_FIRST
    epoch = newest;
#endif
#ifndef WAKE_FIRST
    rouse();
#endif
    published = newest
  :: reports?_ ->
    known = true;
#ifndef NO_FIRST_WAKE
    wakes++
#endif
  :: dead -> /* another takes its place, with a port of its own */
    do
    :: port?_
    :: empty(port) -> break
    od;
    if
    :: newest > 0 -> port!newest
    :: else
    fi;
    dead = false;
    run Worker()
  :: timeout -> break
  od;
  assert(newest == GENERATIONS && served == newest && empty(port))
}

inline receive() {
  do
  :: port?seen -> served = seen
  :: empty(port) -> break
  od
}

proctype Worker() {
  byte seen = 0, before, told, connections = 0;
  served = 0;
  reports!1;
  receive();
end: do
  :: d_step { wakes > 0 -> wakes = 0 }
    receive()
  :: connections < CONNECTIONS -> /* one is accepted */
    connections++;
    before = published;
    told = epoch;
    if
    :: told != seen -> receive()
    :: else
    fi;
    assert(served >= told && served >= before)
  :: deaths < 1 ->
    deaths++;
    dead = true;
    break
  od
}

init { run Worker() }
