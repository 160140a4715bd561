//! A walk that was interrupted, a world that changed while nobody read, and the walk that goes on.

use super::*;

/// What an interrupted walk left of a server that may have changed since.
struct Left {
    server: Server,
    sink: Taken,
    bookmark: Option<Bookmark>,
}

fn left(habits: Habits, count: usize, seed: u64, workers: usize, answers: u64) -> Left {
    let (server, sink) = (Server::new(habits, count, 3, seed), Taken::default());
    server.interrupted_at.set(Some(answers));
    let walked = run(pages(&&server, &sink, &plan(100, workers, None)));
    server.interrupted_at.set(None);
    let ids = sink.ids.borrow().iter().map(|id| id.cast_unsigned()).collect();
    let reached = sink.reached.take().filter(|_| walked.is_err());
    Left { server, sink, bookmark: reached.map(|reached| Bookmark { reached, ids }) }
}

impl Left {
    /// Goes on, checks the promise, and gives the proof, its requests, and whether nothing is missing.
    fn gone_on(self, workers: usize) -> (Proof, u64, bool) {
        let Self { server, sink, bookmark } = self;
        let (start, before) = (server.ids(), server.answers.get());
        let proof = run(pages(&&server, &sink, &plan(100, workers, bookmark.as_ref()))).unwrap();
        let whole = server.survivors(&start).is_subset(&sink.ids.borrow());
        assert!(whole || !proof.is_complete(), "{proof:?}");
        (proof, server.answers.get() - before, whole)
    }
}

proptest! {
    // One seed for all machines, as above.
    #![proptest_config(ProptestConfig { rng_seed: RngSeed::Fixed(5), failure_persistence: None, ..ProptestConfig::with_cases(48) })]

    #[test]
    fn honest_servers_are_proven_though_the_walk_was_interrupted(
        sorted in sorted(), changes in changes(), meanwhile in changes(), count in 0usize..3_000, seed: u64, workers in 1usize..8,
        answers in 1u64..40, some in prop_oneof![Just(0usize), 1usize..50, 500usize..3_000], totals: bool,
        cap in prop_oneof![Just(None), Just(Some(50))],
    ) {
        let habits = Habits { sorted, changes, cap, totals, ..Habits::default() };
        let left = left(habits, count, seed, workers, answers);
        left.server.meanwhile(some, meanwhile);
        let (proof, _, whole) = left.gone_on(workers);
        prop_assert!(proof.is_complete() && whole, "{proof:?}");
    }

    #[test]
    fn others_are_right_or_doubted_after_an_interruption(
        sorted in prop_oneof![sorted(), Just(Sorted::Scrambled)], later in prop_oneof![sorted(), Just(Sorted::Scrambled)], changes in changes(),
        meanwhile in changes(), count in 0usize..600, seed: u64, workers in 1usize..5, answers in 1u64..20, some in 0usize..600,
        fixed in prop_oneof![Just(None), Just(Some(20)), Just(Some(1_000))], lie in prop_oneof![Just(0i64), Just(1), Just(-1), Just(500)],
        repeats in prop_oneof![Just(None), Just(Some(9))], totals: bool, says_more: bool,
    ) {
        let habits = Habits { sorted, changes, fixed, lie, repeats, totals, says_more, ..Habits::default() };
        let mut left = left(habits, count, seed, workers, answers);
        left.server.meanwhile(some, meanwhile);
        left.server.habits.sorted = later;
        left.gone_on(workers);
    }
}

#[test]
fn what_was_read_is_not_read_again() {
    for sorted in [Sorted::IdAsc, Sorted::IdDesc, Sorted::CreatedDesc, Sorted::UpdatedDesc] {
        for (count, chances) in [(0, [0.0; 3]), (500, [1.0, 0.0, 0.0]), (2_000, [0.0, 0.0, 1.0])] {
            let left = left(Habits { sorted, ..Habits::default() }, 6_000, 11, 4, 60);
            let rows = left.bookmark.as_ref().map_or(0, |bookmark| bookmark.reached.rows());
            assert!(rows > 4_500, "{sorted:?}: {rows}");
            left.server.meanwhile(count, chances);
            let (proof, answers, whole) = left.gone_on(4);
            assert!(proof.is_complete() && whole, "{sorted:?} {chances:?}: {proof:?}");
            // A fifth of the list, what came, and looking for four places that shifted.
            assert!(answers < 14 + 6 + 25, "{sorted:?} {count} {chances:?}: {answers}");
        }
    }
}
