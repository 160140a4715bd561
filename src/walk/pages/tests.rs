//! Moving lists of many seeds: complete is only said when it is true, and honest servers get it said.

use proptest::{prelude::*, test_runner::RngSeed};

use super::*;
use crate::walk::simulated::{Habits, Server, Sorted, Taken, run};

mod resumed;

const EVERYTHING: (Clock, Span) = (Clock::Created, Span { from: None, to: None });

fn plan(per_page: u32, workers: usize, bookmark: Option<&Bookmark>) -> ByNumber<'_> {
    ByNumber { slice: Slice::default(), per_page, workers, wanted: EVERYTHING, bookmark }
}

/// Walks, checks the promise, and gives the proof, requests, and whether nothing is missing.
fn walked(habits: Habits, count: usize, seed: u64, size: u32, workers: usize) -> (Proof, u64, bool) {
    let (server, sink) = (Server::new(habits, count, 3, seed), Taken::default());
    let start = server.ids();
    let plan = plan(size, workers, None);
    let proof = run(pages(&&server, &sink, &plan)).unwrap();
    let whole = server.survivors(&start).is_subset(&sink.ids.borrow());
    assert!(whole || !proof.is_complete(), "{} of {} rows, {proof:?}", sink.ids.borrow().len(), start.len());
    (proof, server.answers.get(), whole)
}

fn changes() -> impl Strategy<Value = [f64; 3]> {
    prop_oneof![
        Just([0.0; 3]),
        Just([1.0, 0.0, 0.0]),
        Just([0.0, 0.0, 1.0]),
        Just([0.3, 0.3, 0.4]),
        Just([0.1, 0.8, 0.1])
    ]
}

fn sorted() -> impl Strategy<Value = Sorted> {
    prop_oneof![
        Just(Sorted::IdAsc),
        Just(Sorted::IdDesc),
        Just(Sorted::CreatedDesc),
        Just(Sorted::UpdatedDesc)
    ]
}

proptest! {
    // One seed for all machines: whether a server so restless can be proven is a matter of luck.
    #![proptest_config(ProptestConfig { rng_seed: RngSeed::Fixed(3), failure_persistence: None, ..ProptestConfig::with_cases(32) })]

    #[test]
    fn honest_servers_are_proven(
        sorted in sorted(), changes in changes(), count in 0usize..2_000, seed: u64, workers in 1usize..8, totals: bool,
        cap in prop_oneof![Just(None), Just(Some(30)), Just(Some(50))], size in prop_oneof![Just(100u32), 60u32..100],
    ) {
        let habits = Habits { sorted, changes, cap, totals, ..Habits::default() };
        let (proof, _, whole) = walked(habits, count, seed, size, workers);
        prop_assert!(proof.is_complete() && whole, "{proof:?}");
    }

    #[test]
    fn others_are_right_or_doubted(
        sorted in prop_oneof![sorted(), Just(Sorted::Scrambled)], changes in changes(), count in 0usize..400, seed: u64, workers in 1usize..5,
        cap in prop_oneof![Just(None), Just(Some(1)), Just(Some(13))], fixed in prop_oneof![Just(None), Just(Some(20)), Just(Some(1_000))],
        lie in prop_oneof![Just(0i64), Just(1), Just(-1), Just(500), Just(-500)], repeats in prop_oneof![Just(None), Just(Some(1)), Just(Some(9))],
        totals: bool, says_more: bool, size in 1u32..=100,
    ) {
        let habits = Habits { sorted, changes, cap, fixed, lie, repeats, totals, says_more, ..Habits::default() };
        let still = habits.changes == [0.0; 3];
        let honest = lie == 0 && repeats.is_none();
        let (proof, _, whole) = walked(habits, count, seed, size, workers);
        if still && honest {
            prop_assert!(proof.is_complete() && whole, "{proof:?}");
        }
    }
}

#[test]
fn a_quiet_list_costs_little_more_than_its_pages() {
    for workers in [1, 4, 16] {
        let (proof, answers, _) =
            walked(Habits { sorted: Sorted::IdDesc, ..Habits::default() }, 50_000, 7, 100, workers);
        assert!(proof.is_complete() && proof.tally.shifts_detected == 0, "{proof:?}");
        assert!(answers <= 600, "{answers} requests with {workers} workers");
    }
}

#[test]
fn shifts_are_seen_and_mended() {
    let habits = Habits { changes: [0.0, 0.0, 1.0], ..Habits::default() };
    let (proof, answers, _) = walked(habits, 20_000, 3, 100, 4);
    assert!(proof.is_complete() && proof.tally.shifts_detected > 0, "{proof:?}");
    assert!(answers < 300, "{answers}");
}

#[test]
fn a_server_that_refuses_deep_pages_is_named() {
    for sorted in [Sorted::IdDesc, Sorted::UpdatedDesc, Sorted::Scrambled] {
        for workers in [1, 5] {
            let habits = Habits { sorted, depth: Some(7), ..Habits::default() };
            let (server, sink) = (Server::new(habits, 2_000, 3, 5), Taken::default());
            let proof = run(pages(&&server, &sink, &plan(100, workers, None))).unwrap();
            let why = proof.unproven.unwrap_or_default();
            assert!(why.contains("page 7 ") && why.contains("too deep"), "{sorted:?}: {why}");
            assert!(sink.ids.borrow().len() >= 690, "{sorted:?}: {}", sink.ids.borrow().len());
            assert!(server.answers.get() < 40, "{}", server.answers.get());
        }
    }
}
