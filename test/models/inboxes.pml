/*
 * The hand-over of descriptors between workers: src/engine/worker/inboxes.ts.
 *
 *   Giver         give, #claim, #remove        the worker that has accepted and passes on
 *   take          take, #remove                what the worker does after a wake, and after it has closed its inbox
 *   Taker         open, close                  flow/engine.ts: #adopt, #takeHandedOver, #closeInbox
 *
 * Each line is one step of a thread: a call of Atomics, or a plain word. The words of an entry are plain, and
 * a thread that reads them while another writes throws away what it has read (its exchange fails), so
 * that all of it is in one order: JavaScript promises that to programs whose data do not race.
 *
 * Shown: each descriptor has one owner, and never two; what is served, is served by the table that it came
 * for; nobody waits while a descriptor lies in the inbox.
 *
 * Faults: LOOK_FIRST (the giver looks before it places), NO_TICKET (two uses of an entry look the same),
 * ROUSED_LATE (the taker lets itself be roused again only after it has looked), ANY_GENERATION (it takes what is
 * still there of a giver that goes by another table).
 */

#define ENTRIES 2
#define GIVERS 2
#define GIVES 1
#define FREE 0
#define CLAIMED 255
#define NOBODY 0
#define TAKER 1
#define GIVER 2

byte generation /* that the inbox is open for; 0: closed */
byte roused
byte wakes /* the count of the eventfd */
byte tickets
byte state[ENTRIES]
byte descriptor[ENTRIES]
byte table[ENTRIES] /* GENERATION, the one that the row means a listener of */
byte owner[GIVERS * GIVES]
byte done

inline own(fd, who) {
  assert(owner[fd] == NOBODY);
  owner[fd] = who
}

inline remove(entry, ticket, won) {
  d_step {
    won = (state[entry] == ticket);
    if
    :: won -> state[entry] = FREE
    :: else
    fi
  }
}

proctype Giver(byte number) {
  byte given = 0, fd, entry, ticket, before;
  byte believed = 1; /* the generation of the giver's own table */
  bool won;
  do
  :: given < GIVES ->
    if
    :: believed = 1
    :: believed = 2
    fi;
    fd = number * GIVES + given;
    given++;
#ifdef LOOK_FIRST
    if
    :: generation != believed -> own(fd, GIVER); goto next
    :: generation == believed
    fi;
#endif
    entry = 0;
    do
    :: entry == ENTRIES -> break
    :: else ->
      d_step {
        won = (state[entry] == FREE);
        if
        :: won -> state[entry] = CLAIMED
        :: else
        fi
      }
      if
      :: won -> break
      :: else -> entry++
      fi
    od;
    if
    :: entry == ENTRIES -> own(fd, GIVER); goto next
    :: else
    fi;
#ifdef NO_TICKET
    ticket = 1;
#else
    d_step { tickets++; ticket = tickets }
#endif
    descriptor[entry] = fd;
    table[entry] = believed;
    state[entry] = ticket;
#ifndef LOOK_FIRST
    if
    :: generation != believed ->
      remove(entry, ticket, won);
      if
      :: won -> own(fd, GIVER)
      :: else
      fi;
      goto next
    :: generation == believed
    fi;
#endif
    d_step { before = roused; roused = 1 }
    if
    :: before == 0 -> wakes++
    :: else
    fi;
next: skip
  :: else -> break
  od;
  done++
}

inline take() {
#ifndef ROUSED_LATE
  roused = 0;
#endif
  entry = 0;
  do
  :: entry == ENTRIES -> break
  :: else ->
    ticket = state[entry];
    if
    :: ticket == FREE || ticket == CLAIMED
    :: else ->
      fd = descriptor[entry];
      row = table[entry];
#ifndef ANY_GENERATION
      if
      :: row != adopted /* its giver takes it back */
      :: else ->
#endif
        remove(entry, ticket, won);
        if
        :: won -> own(fd, TAKER); assert(row == adopted)
        :: else
        fi
#ifndef ANY_GENERATION
      fi
#endif
    fi;
    entry++
  od;
#ifdef ROUSED_LATE
  roused = 0;
#endif
}

active proctype Taker() {
  byte entry, ticket, fd, row;
  byte adopted = 1;
  byte last; /* the generation after which nothing more is to happen */
  bool won;
  select(last : 1 .. 3);
  generation = 1;
  do
  :: d_step { wakes > 0 -> wakes = 0 }
    take()
  :: adopted == 1 && adopted < last -> /* a newer table */
    generation = 0;
    take();
    adopted = 2;
    generation = 2
  :: adopted == 2 && adopted < last -> /* a drain: no more comes */
    generation = 0;
    take();
    break
  :: timeout -> break
  od;
  done == GIVERS;
  for (entry : 0 .. ENTRIES - 1) { assert(state[entry] == FREE) }
  for (fd : 0 .. GIVERS * GIVES - 1) { assert(owner[fd] != NOBODY) }
}

init {
  atomic {
    run Giver(0);
    run Giver(1)
  }
}
