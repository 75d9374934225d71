/*
 * A row of series from hand to hand: src/stats/series.ts (open, close, #take, #release) by the worker,
 * src/stats/series-totals.ts (fold, totals) by the main thread.
 *
 * The word `state` is the only one that both write, by Atomics. A plain write may be seen late, until the next
 * Atomics.store of the thread; the model keeps the last count of a connection back until then, or does not.
 *
 * Shown: each connection is counted once under its own name, however often the row changes its name, and no
 * total that was shown ever goes back.
 *
 * Faults: TAKES_DONE (the worker takes a row that nobody has added up), FREE_FIRST (the reader frees before it adds),
 * PLAIN_STATE (the worker writes the state plainly: the last count may come after it).
 */

#define NAMES 3
#define EACH 2
#define FREE 0
#define IN_USE 1
#define DONE 2

byte state
byte key   /* what the row counts; written while the row is free */
byte count
byte events[NAMES + 1]
byte kept[NAMES + 1]
byte shown[NAMES + 1]
bool ended

active proctype Worker() {
  byte name = 1, opened, late;
  do
  :: name <= NAMES ->
    /* #take: waits for a free row; the true one counts as other meanwhile */
#ifdef TAKES_DONE
    (state == FREE || state == DONE);
#else
    (state == FREE);
#endif
    count = 0;
    key = name;
    state = IN_USE;
    opened = 0;
    late = 0;
    do
    :: opened < EACH ->
      opened++;
      events[name]++;
      if
      :: count = count + late + 1; late = 0
      :: late++
      fi
    :: opened == EACH -> break
    od;
#ifdef PLAIN_STATE
    state = DONE;
    count = count + late;
#else
    count = count + late;
    state = DONE; /* #release */
#endif
    name++
  :: else -> break
  od;
  ended = true
}

/* One look: what is done is kept by name and the row freed; what is in use is added to that. */
inline look() {
  seen = state;
  if
  :: seen == DONE ->
    name = key;
#ifdef FREE_FIRST
    state = FREE;
#endif
    kept[name] = kept[name] + count;
    total = kept[name];
#ifndef FREE_FIRST
    state = FREE;
#endif
    assert(total >= shown[name]);
    shown[name] = total
  :: seen == IN_USE ->
    name = key;
    total = kept[name] + count;
    assert(total >= shown[name]);
    shown[name] = total
  :: else
  fi
}

active proctype Reader() {
  byte seen, name, total;
  do
  :: look()
  :: ended && state == FREE -> break
  od;
  for (name : 1 .. NAMES) { assert(kept[name] == events[name] && events[name] == EACH) }
}
