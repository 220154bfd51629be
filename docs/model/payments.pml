/*
 * How Bursar's servers keep each payment single, decided, within its budget and in agreement with the chain.
 * README.md maps every step to the code. `npm run model` checks this file and every broken variant of it.
 *
 * A d_step or atomic block is one database transaction or one look at the chain. Between two blocks a server may pause for
 * any time: others continue and take its leases over, and it wakes up as if it were still the leader.
 */

/* ---- Size; `npm run model` gives others ---- */
#ifndef SERVERS
#define SERVERS 3
#define PAYMENTS 2   /* each with an idempotency key; the first TRANSFERS are wallet payments, the others x402 purchases */
#define TRANSFERS 1
#define BUDGET 1     /* each payment costs 1 */
#define ASKS 2       /* requests with one key: the first and its retries, each to any server */
#define FENCES 1     /* how often each lease is taken over from a server inside a step */
#define BLOCKS 3     /* the height that the chain reaches in every possible way */
#define REORGS 1
#endif
#define TRIES 2      /* transactions for one wallet payment */
#define EXPIRY 3     /* an authorization can be used in blocks below this one (validBefore) */
#define TOP (BLOCKS + PAYMENTS * TRIES + 2)

/* ---- The mistakes; -DBROKEN=NAME makes one ---- */
#define NONE 0
#define KEY_OUTSIDE 1
#define NEW_KEY 2
#define BUDGET_OUTSIDE 3
#define NO_FENCE 4
#define NO_FENCE_MONEY 5
#define SAME_FENCE 6
#define SEND_FIRST 7
#define STALE_SIGN 8
#define CANCEL_SIGNED 9
#define NEW_NONCE 10
#define WALLET_TWICE 11
#define FAIL_EARLY 12
#define FAIL_GIVEN_UP 13
#define SELLER_WORD 14
#define LAPSE_EARLY 15
#define NO_ROLLBACK 16
#define FINAL_BY_NUMBER 17
#define FINAL_BY_NODE 18
#define NO_RESEND 19
#ifndef BROKEN
#define BROKEN NONE
#endif
#define broken(mistake) (BROKEN == mistake)

#if PAYMENTS == 1
#define some(can) (can(0))
#define pick(can) if :: can(0) -> p = 0 fi
#elif PAYMENTS == 2
#define some(can) (can(0) || can(1))
#define pick(can) if :: can(0) -> p = 0 :: can(1) -> p = 1 fi
#else
#define some(can) (can(0) || can(1) || can(2))
#define pick(can) if :: can(0) -> p = 0 :: can(1) -> p = 1 :: can(2) -> p = 2 fi
#endif
#define each(i, last) i : 0 .. (last - 1)

/* ---- The database ---- */
mtype = { none, denied, authorized, submitted, settled, final, expired, failed, cancelled };
typedef Payment {
	mtype state = none;
	byte settledAt;  /* the block of its transfer, by the books */
	byte asks;       /* requests received with its key; ASKS once its client has the answer */
	byte rows;       /* payments made for its key */
	byte tries;      /* transactions stored for it */
	bool givenUp     /* its first transaction was dropped on a node's word, and may be mined yet */
};
Payment pay[PAYMENTS];
byte cursor = 1, bookFinal = 1, book[TOP];  /* the follower's newest block and final block; the hash of each block */
#define SEND 0       /* the lease of settler and sender queue */
#define FOLLOW 1     /* the lease of the follower */
byte fence[2];

#define holds(p) (pay[p].state == authorized || pay[p].state == submitted)
#define spent(p) (pay[p].state == settled || pay[p].state == final)
#define released(p) (pay[p].state == expired || pay[p].state == failed || pay[p].state == cancelled)
#define purchase(p) (p >= TRANSFERS)

/* ---- The chain ---- */
typedef Tx {
	bool stored;     /* in the database, signed */
	bool sent;       /* in the pool for ever: who has seen it can send it again */
	byte at;         /* the block that has it, 0: none */
	bool ok          /* it moved money; otherwise it reverted */
};
Tx tx[PAYMENTS * TRIES];
byte head = 1, chainFinal = 1, branch = 1, hash[TOP];  /* the hash of a block is the branch that it began in */
#define one(p) (p * TRIES)
#define two(p) (p * TRIES + 1)
#define newest(p) (p * TRIES + pay[p].tries - 1)
#define paid(p) (tx[one(p)].ok || tx[two(p)].ok)
#define height(p) (tx[one(p)].ok -> tx[one(p)].at : tx[two(p)].at)
/* All transactions of a payment carry one wallet nonce, and the wallet takes it once. */
#define nonceUsed(t) (!broken(NEW_NONCE) && !broken(WALLET_TWICE) && paid(t / TRIES))
#define inTime(t) (!purchase(t / TRIES) || head < EXPIRY)
#define inPool(t) (tx[t].sent && tx[t].at == 0)

bool inStep[2];       /* the leader is inside a step */
byte busy, reorgs;
byte i, n;              /* of loops; 0 between the steps */

/* ---- What must hold after every step ---- */
inline check() {
	n = 0;
	for (each(i, PAYMENTS)) {
		assert(!(tx[one(i)].ok && tx[two(i)].ok));                /* no payment settles twice */
		assert(!paid(i) || holds(i) || spent(i));                 /* what is paid was decided, and its hold is not released */
		assert(pay[i].rows <= 1);                                 /* a key has at most one payment */
		assert(pay[i].state != final || paid(i));                 /* what is final in the books is paid on the chain */
		assert(tx[one(i)].at == 0 || tx[one(i)].stored);          /* what is on the chain was stored before */
		assert(tx[two(i)].at == 0 || tx[two(i)].stored);          /* what is on the chain was stored before */
		if
		:: book[cursor] == hash[cursor] ->
			assert(spent(i) == (paid(i) && height(i) <= cursor));  /* the books equal the chain at the follower's block */
			assert(!spent(i) || pay[i].settledAt == height(i))     /* the books equal the chain at the follower's block */
		:: else
		fi;
		if :: holds(i) || spent(i) -> n++ :: else fi
	}
	assert(n <= BUDGET);                                          /* the budget is never exceeded */
	i = 0; n = 0
}

/* The wallet refused the second transaction, and the first one was given up: an alert, and the hold stays. */
#define waitsForPeople(p) (pay[p].givenUp && pay[p].tries == TRIES && !paid(p))
/* At the end of every course, as long as servers continue: no money is held, and books and chain are one. */
inline checkEnd() {
	for (each(i, PAYMENTS)) {
		assert(!holds(i) || waitsForPeople(i));                   /* every payment ends */
		assert(pay[i].state != settled)                           /* every payment ends */
	};
	assert(cursor == head && bookFinal == head);                  /* the books reach the end of the chain */
	i = 0
}

inline countUsed() {
	n = 0;
	for (each(i, PAYMENTS)) { if :: holds(i) || spent(i) -> n++ :: else fi };
	i = 0
}

/* ---- Leases ---- */
/*
 * A lease may run out at any moment: nothing is assumed of clocks and pauses. Which server has it matters only while that server is
 * inside a step: another one that finds it there takes the lease over, with the next fencing number.
 */
#define mayLead(l) (!inStep[l] || fence[l] < FENCES)
inline lead(l) {
	if :: inStep[l] && !broken(SAME_FENCE) -> fence[l]++ :: else fi;
	inStep[l] = true; my = fence[l]
}
inline leave(l) { if :: my == fence[l] -> inStep[l] = false :: else fi }
/* The first thing in every write of a leader, in the same transaction. */
#define fenced(l) (broken(NO_FENCE) || broken(NO_FENCE_MONEY) || my == fence[l])
#define counts(l) assert(my == fence[l] || broken(NO_FENCE_MONEY))  /* only the newest leader writes */

/* Servers are alike: new work goes to the first one that is idle. */
#define work busy = busy | (1 << _pid)
#define isNext ((busy | 1) % (1 << _pid) == (1 << _pid) - 1)
inline rest() { p = 0; t = 0; my = 0; h = 0; seen = 0; busy = busy & ~(1 << _pid) }

/* What happens, for a reader of a counterexample; the checker ignores it. */
#define say(what) printf("server %d, payment %d: ", _pid, p); printf(what); printf("\n")
#define sayBlock(what) printf("server %d, block %d: ", _pid, h); printf(what); printf("\n")

/* ---- The chain's steps ---- */
inline include(t, must) {
	if
	:: inPool(t) && inTime(t) && nonceUsed(t) -> tx[t].at = head; printf("chain: transaction %d reverts\n", t)
	:: inPool(t) && inTime(t) && !nonceUsed(t) -> tx[t].at = head; tx[t].ok = true; printf("chain: transaction %d pays\n", t)
	:: inPool(t) && !purchase(t / TRIES) -> tx[t].at = head; printf("chain: transaction %d is refused\n", t)
	:: !must || !inPool(t) || !inTime(t)                       /* not in this block, perhaps in none: dropped */
	fi
}
inline block(must) {
	head++; hash[head] = branch;
	include(0, must); include(1, must);
#if PAYMENTS > 1
	include(2, must); include(3, must);
#endif
#if PAYMENTS > 2
	include(4, must); include(5, must);
#endif
	printf("chain: block %d of branch %d\n", head, branch);
	check()
}
inline unmine() {
	for (each(i, PAYMENTS * TRIES)) { if :: tx[i].at == head -> tx[i].at = 0; tx[i].ok = false :: else fi };
	hash[head] = 0; head--; i = 0
}
inline countPool() {
	n = 0;
	for (each(i, PAYMENTS * TRIES)) { if :: inPool(i) && !purchase(i / TRIES) -> n++ :: else fi };
	i = 0
}

active proctype chain() {
	do
	:: atomic { head < BLOCKS -> block(false) }
	:: d_step { chainFinal < head -> chainFinal++; printf("chain: block %d is final\n", chainFinal) }
	:: atomic { reorgs < REORGS && chainFinal < head ->
		reorgs++; branch++; unmine();
		do :: chainFinal < head -> unmine() :: break od;
		printf("chain: a reorg, back to block %d\n", head);
		check() }
	/* Nothing else can happen: what is in the pool is mined and final. If nothing is, every payment must have ended. */
	:: atomic { timeout -> countPool();
		if
		:: n > 0 -> n = 0; block(true); chainFinal = head
		:: else -> checkEnd(); break
		fi }
	od
}

/* ---- What may be done, by payment ---- */
#define canAsk(p) (pay[p].asks < ASKS)
#define canCancel(p) (pay[p].state == authorized || (broken(CANCEL_SIGNED) && holds(p)))
#define canAuthorize(p) (purchase(p) && pay[p].state == authorized)
#define reverted(p) (tx[newest(p)].at > 0 && !tx[newest(p)].ok && \
	(broken(FAIL_EARLY) || tx[newest(p)].at <= (broken(FINAL_BY_NODE) -> chainFinal : bookFinal)))
#define canSend(p) (!purchase(p) && ((pay[p].state == authorized && pay[p].tries == 0) || \
	(pay[p].state == submitted && pay[p].tries == 1 && (pay[p].givenUp || reverted(p)))))
#define canResend(p) (!purchase(p) && pay[p].state == submitted && !tx[newest(p)].sent && !broken(NO_RESEND))
#define canGiveUp(p) (!purchase(p) && pay[p].state == submitted && pay[p].tries == 1 && !pay[p].givenUp && inPool(one(p)))
#define canFail(p) (!purchase(p) && pay[p].state == submitted && reverted(p) && !paid(p) && \
	(!pay[p].givenUp || broken(FAIL_GIVEN_UP)))
#define canLapse(p) (purchase(p) && pay[p].state == submitted && (broken(LAPSE_EARLY) -> head >= EXPIRY && !paid(p) : \
	bookFinal >= EXPIRY && !(paid(p) && height(p) <= bookFinal)))
#define canBelieve(p) (broken(SELLER_WORD) && purchase(p) && pay[p].state == submitted)


/* Signs and stores; `stored` says whether it may be sent. What was read before is read again: it may be cancelled meanwhile. */
inline sign() {
	if
	:: (!released(p) || broken(STALE_SIGN)) && t == one(p) + pay[p].tries ->
		tx[t].stored = true; pay[p].tries++; say("is signed and stored");
		if :: pay[p].state == authorized -> pay[p].state = submitted :: else fi
	:: else
	fi
}

active [SERVERS] proctype server() {
	byte p, t, my, h, seen;
end_idle:
	do
	/* The gate: one transaction decides and commits; then the answer arrives or is lost. */
#if BROKEN == KEY_OUTSIDE || BROKEN == BUDGET_OUTSIDE
	:: atomic { isNext && some(canAsk) -> pick(canAsk); work; t = pay[p].rows; countUsed(); seen = n; n = 0; say("rows are read, then the transaction begins") };
		atomic { pay[p].asks++;
#else
	:: atomic { isNext && some(canAsk) -> pick(canAsk); pay[p].asks++; t = pay[p].rows; countUsed(); seen = n; n = 0;
#endif
			if
			:: (broken(KEY_OUTSIDE) -> t : pay[p].rows) > 0 && !broken(NEW_KEY)  /* the same key: the same payment */
			:: else ->
				countUsed();
				pay[p].rows++;
				pay[p].state = ((broken(BUDGET_OUTSIDE) -> seen : n) < BUDGET -> authorized : denied)
			fi;
			if
			:: pay[p].state == denied -> say("is denied")
			:: else -> say("is decided: allowed now or before")
			fi;
			check();
			if
			:: pay[p].asks = ASKS;
				assert(pay[p].rows == 1)                          /* an answered key has exactly one payment */
			:: say("the answer is lost")
			fi;
			rest() }

	/* People cancel what was not signed. */
	:: atomic { isNext && some(canCancel) -> pick(canCancel); pay[p].state = cancelled; say("is cancelled"); check(); rest() }

	/* A purchase: the authorization is stored, then handed to the seller, who may use it or not. */
#if BROKEN == SEND_FIRST
	:: atomic { isNext && some(canAuthorize) -> pick(canAuthorize); work; tx[one(p)].sent = true; say("goes to the seller") };
		atomic { t = one(p); sign(); check(); rest() }
#else
	:: atomic { isNext && some(canAuthorize) -> pick(canAuthorize); work; t = one(p); sign(); check() };
		d_step { tx[t].sent = true; say("goes to the seller"); rest() }
#endif
	:: atomic { isNext && some(canBelieve) -> pick(canBelieve); pay[p].state = failed; say("fails, says the seller"); check(); rest() }

	/* Settler and sender queue: sign and store, then send. */
	:: atomic { isNext && mayLead(SEND) && some(canSend) -> pick(canSend); work; lead(SEND); t = one(p) + pay[p].tries; say("is read, to be signed") };
#if BROKEN == SEND_FIRST
		d_step { tx[t].sent = true; say("is sent") };
#endif
		d_step {
			if
			:: fenced(SEND) -> counts(SEND); sign()
			:: else
			fi;
			check()
		};
		atomic {
			if
			:: tx[t].stored -> tx[t].sent = true; say("is sent")
			:: true  /* refused by the fence, or the server crashed */
			fi;
			leave(SEND); rest() }
	/* Stored and not sent, its server crashed: sent by the next leader. */
	:: atomic { isNext && mayLead(SEND) && some(canResend) -> pick(canResend); lead(SEND); tx[newest(p)].sent = true; say("is sent again"); leave(SEND); rest() }
	/* A node says that it can never be mined. The node may be wrong. */
	:: atomic { isNext && mayLead(SEND) && some(canGiveUp) -> pick(canGiveUp); lead(SEND); pay[p].givenUp = true; say("its transaction is given up"); leave(SEND); rest() }
	/* Its revert is final: the hold is released. */
	:: atomic { isNext && mayLead(SEND) && some(canFail) -> pick(canFail); work; lead(SEND); say("its revert is read") };
		d_step {
			if :: fenced(SEND) && pay[p].state == submitted -> say("fails, its hold is released"); counts(SEND); pay[p].state = failed :: else fi;
			check(); leave(SEND); rest()
		}

	/* The follower: the next block, if it continues the newest one in the books. */
	:: atomic { isNext && mayLead(FOLLOW) && head > cursor && (book[cursor] == hash[cursor] || broken(NO_ROLLBACK)) ->
			work; lead(FOLLOW); h = cursor + 1; t = hash[h];
			for (each(i, PAYMENTS)) { if :: paid(i) && height(i) == h -> seen = seen | (1 << i) :: else fi };
			i = 0; sayBlock("is read") };
		d_step {
			if
			:: fenced(FOLLOW) && cursor == h - 1 ->
				sayBlock("is booked"); counts(FOLLOW); cursor = h; book[h] = t;
				for (each(i, PAYMENTS)) {
					if
					:: seen & (1 << i) ->
						assert(holds(i));                         /* every transfer in the books has its hold */
						pay[i].state = settled; pay[i].settledAt = h
					:: else
					fi
				}
			:: else
			fi;
			check(); leave(FOLLOW); rest()
		}
	/* A reorg: back to the newest block that both have. */
	:: atomic { isNext && mayLead(FOLLOW) && head >= cursor && book[cursor] != hash[cursor] && !broken(NO_ROLLBACK) ->
			work; lead(FOLLOW); h = cursor;
			do :: book[h] != hash[h] -> h-- :: else -> break od;
			sayBlock("is where the branches part") };
		d_step {
			if
			:: fenced(FOLLOW) && cursor > h ->
				sayBlock("is the newest again, those above are undone"); counts(FOLLOW);
				for (each(i, PAYMENTS)) {
					if :: pay[i].settledAt > h -> pay[i].state = submitted; pay[i].settledAt = 0 :: else fi
				};
				do :: cursor > h -> book[cursor] = 0; cursor-- :: else -> break od
			:: else
			fi;
			check(); leave(FOLLOW); rest()
		}
	/* Finality, by the hash of the final block. */
	:: atomic { isNext && mayLead(FOLLOW) && bookFinal < chainFinal && chainFinal <= cursor &&
			(book[chainFinal] == hash[chainFinal] || broken(FINAL_BY_NUMBER)) -> work; lead(FOLLOW); h = chainFinal; sayBlock("is read as final") };
		d_step {
			if
			:: fenced(FOLLOW) && bookFinal < h ->
				sayBlock("is booked as final"); counts(FOLLOW); bookFinal = h;
				for (each(i, PAYMENTS)) {
					if :: pay[i].state == settled && pay[i].settledAt <= h -> pay[i].state = final :: else fi
				}
			:: else
			fi;
			check(); leave(FOLLOW); rest()
		}
	/* An authorization that was unused when its time ended, at a final block: the hold is released. */
	:: atomic { isNext && mayLead(FOLLOW) && some(canLapse) -> pick(canLapse); work; lead(FOLLOW); say("its authorization is read as unused") };
		d_step {
			if :: fenced(FOLLOW) && pay[p].state == submitted -> say("expires, its hold is released"); counts(FOLLOW); pay[p].state = expired :: else fi;
			check(); leave(FOLLOW); rest()
		}
	od
}
