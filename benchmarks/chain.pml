/* The chain protocol of model/gcs/chain.py for SPIN, message for message: three replicas, W writes, F crashes.

   A configuration is a set of bits, because replicas only ever leave it and the order is that of their numbers. Every
   step of the model is one d_step of one process; what is needed within a step is hidden and no part of a state. */

#ifndef W
#define W 3
#endif
#ifndef F
#define F 1
#endif
#define N 3
#define ALL 7
#define CAP 12
#define LONG 12

mtype = { write, update, stable, written, conf };

typedef values { byte n; byte v[LONG] };

bool alive[N];
byte config[N];
values history[N];
values sent[N];
values early[N];
byte master = ALL;
byte client = ALL;
byte asked;              /* writes begun; the rest is still to do */
values pending;
byte done;
byte crashes;
bool down[N];            /* the failure detector's word is on its way */

chan toR[N] = [CAP] of { mtype, byte };      /* client to replica */
chan toC[N] = [CAP] of { mtype, byte };      /* replica to client */
chan link[9] = [CAP] of { mtype, byte };     /* replica i to replica j: 3 * i + j */
chan mToR[N] = [CAP] of { mtype, byte };     /* master to replica */
chan mToC = [CAP] of { mtype, byte };        /* master to client */

hidden byte i, j, k, me, other, v, c, before;
hidden mtype kind;
hidden byte found;
hidden values some;

inline first(mask, result) {
  if
  :: (mask & 1) -> result = 0
  :: !(mask & 1) && (mask & 2) -> result = 1
  :: !(mask & 3) && (mask & 4) -> result = 2
  :: else -> result = N
  fi
}

inline successor(result) {
  result = N;
  k = N;
  do
  :: k > me + 1 -> k--; if :: (config[me] >> k) & 1 -> result = k :: else fi
  :: else -> break
  od
}

inline predecessor(result) {
  result = N;
  k = 0;
  do
  :: k < me -> if :: (config[me] >> k) & 1 -> result = k :: else fi; k++
  :: else -> break
  od
}

inline to_replica(kd, val) {   /* from me to other, which may be dead */
  if
  :: alive[other] -> assert(nfull(link[3 * me + other])); link[3 * me + other]!kd(val)
  :: else
  fi
}

inline acknowledge(val) {
  predecessor(other);
  if :: other < N -> to_replica(stable, val) :: else fi
}

inline contains(list, val) {
  found = false;
  k = 0;
  do
  :: k < list.n -> if :: list.v[k] == val -> found = true :: else fi; k++
  :: else -> break
  od
}

inline append(list, val) {
  assert(list.n < LONG);
  list.v[list.n] = val;
  list.n++
}

inline without(list, val) {
  k = 0; j = 0;
  do
  :: k < list.n ->
     if :: list.v[k] != val -> list.v[j] = list.v[k]; j++ :: else fi;
     k++
  :: else -> break
  od;
  k = j;
  do
  :: k < list.n -> list.v[k] = 0; k++
  :: else -> break
  od;
  list.n = j
}

inline empty_list(list) {
  k = 0;
  do
  :: k < list.n -> list.v[k] = 0; k++
  :: else -> break
  od;
  list.n = 0
}

inline apply(val) {
  append(history[me], val);
  successor(other);
  if
  :: other < N -> append(sent[me], val); to_replica(update, val)
  :: else -> toC[me]!written(val); acknowledge(val)
  fi
}

inline write_early() {
  first(config[me], other);
  if
  :: other == me ->
     some.n = early[me].n;
     k = 0;
     do
     :: k < some.n -> some.v[k] = early[me].v[k]; k++
     :: else -> break
     od;
     empty_list(early[me]);
     i = 0;
     do
     :: i < some.n ->
        contains(history[me], some.v[i]);
        if :: !found -> apply(some.v[i]) :: else fi;
        i++
     :: else -> break
     od
  :: else
  fi
}

inline replica() {
  if
  :: kind == write -> append(early[me], v); write_early()
  :: kind == update ->
     contains(history[me], v);
     if
     :: !found -> apply(v)
     :: else -> successor(other); if :: other == N -> acknowledge(v) :: else fi
     fi
  :: kind == stable -> without(sent[me], v); acknowledge(v)
  :: kind == conf ->
     successor(before);
     config[me] = v;
     successor(other);
     c = other;
     i = 0;
     do
     :: i < sent[me].n ->
        if
        :: c == N -> toC[me]!written(sent[me].v[i]); acknowledge(sent[me].v[i])
        :: c < N && c != before -> other = c; to_replica(update, sent[me].v[i])
        :: else
        fi;
        i++
     :: else -> break
     od;
     if :: c == N -> empty_list(sent[me]) :: else fi;
     write_early()
  fi
}

inline ask(val) {
  first(client, other);
  if
  :: other < N && alive[other] -> assert(nfull(toR[other])); toR[other]!write(val)
  :: else
  fi
}

inline drain(ch) {
  do
  :: nempty(ch) -> ch?kind(v)
  :: empty(ch) -> break
  od
}

#define RECEIVE(ch, r)  :: d_step { alive[r] && nempty(ch) -> ch?kind(v); me = r; replica(); skip }
#define ANSWER(r)       :: d_step { nempty(toC[r]) -> toC[r]?kind(v); contains(pending, v); \
                             if :: found -> without(pending, v); done = done | (1 << v) :: else fi; skip }
#define NOTICE(r)       :: d_step { down[r] -> down[r] = false; master = master & (ALL - (1 << r)); i = 0; \
                             do :: i < N -> if :: ((master >> i) & 1) && alive[i] -> mToR[i]!conf(master) :: else fi; i++ \
                                :: else -> break od; mToC!conf(master); skip }
#define CRASH(r)        :: d_step { alive[r] && crashes < F -> crashes++; alive[r] = false; down[r] = true; \
                             config[r] = ALL; empty_list(history[r]); empty_list(sent[r]); empty_list(early[r]); \
                             drain(toR[r]); drain(mToR[r]); drain(link[r]); drain(link[3 + r]); drain(link[6 + r]); skip }

active proctype chain() {
  d_step {
    alive[0] = true; alive[1] = true; alive[2] = true;
    config[0] = ALL; config[1] = ALL; config[2] = ALL
  }
  do
  :: d_step { asked < W -> asked++; append(pending, asked); ask(asked); skip }
  RECEIVE(toR[0], 0) RECEIVE(toR[1], 1) RECEIVE(toR[2], 2)
  RECEIVE(mToR[0], 0) RECEIVE(mToR[1], 1) RECEIVE(mToR[2], 2)
  RECEIVE(link[1], 1) RECEIVE(link[2], 2) RECEIVE(link[3], 0) RECEIVE(link[5], 2) RECEIVE(link[6], 0) RECEIVE(link[7], 1)
  ANSWER(0) ANSWER(1) ANSWER(2)
  NOTICE(0) NOTICE(1) NOTICE(2)
  :: d_step { nempty(mToC) -> mToC?kind(v); client = v; i = 0;
       do
       :: i < pending.n -> ask(pending.v[i]); i++
       :: else -> break
       od; skip }
  CRASH(0) CRASH(1) CRASH(2)
  od
}
