//! Moving lists of many seeds, read by time.

use proptest::{prelude::*, test_runner::RngSeed};

use super::*;
use crate::walk::simulated::{Habits, Server, Sorted, Taken, run};

fn plan(by: Clock, workers: usize) -> ByTime<'static> {
    ByTime {
        by,
        range: Span::default(),
        done: &[],
        newest: None,
        per_page: 100,
        workers,
        now: 1_700_600_000,
        partition: &|second| {
            let start = second - second.rem_euclid(86_400);
            start..start + 86_400
        },
        large: f64::INFINITY,
    }
}

struct Walked {
    proof: Proof,
    answers: u64,
    whole: bool,
    most_in_flight: usize,
    spans: Vec<Span>,
}

fn walked(server: Server, plan: &ByTime<'_>) -> Walked {
    let sink = Taken::default();
    let start = server.ids();
    let proof = run(by_time(&&server, &sink, plan)).unwrap();
    let whole = server.survivors(&start).is_subset(&sink.ids.borrow());
    assert!(whole || !proof.is_complete(), "{} of {} rows, {proof:?}", sink.ids.borrow().len(), start.len());
    Walked {
        proof,
        answers: server.answers.get(),
        whole,
        most_in_flight: server.most_in_flight.get(),
        spans: sink.spans.take(),
    }
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

proptest! {
    // One seed for all machines: whether a server so restless can be proven is a matter of luck.
    #![proptest_config(ProptestConfig { rng_seed: RngSeed::Fixed(78), failure_persistence: None, ..ProptestConfig::with_cases(400) })]

    #[test]
    fn honest_servers_are_proven(
        changes in changes(), count in 0usize..1_200, seed: u64, workers in 1usize..9, totals: bool, says_more: bool, exclusive: bool,
        crowd in prop_oneof![Just(1u32), Just(4), Just(300)], hidden in 0usize..5, updated: bool,
        cap in prop_oneof![Just(None), Just(Some(30))],
    ) {
        let by = if updated { Clock::Updated } else { Clock::Created };
        let habits = Habits { changes, totals, says_more, exclusive, cap, ..Habits::default() };
        let server = Server::new(habits, count, crowd, seed);
        if !updated {
            server.hide(hidden);
        }
        let Walked { proof, whole, spans, .. } = walked(server, &plan(by, workers));
        prop_assert!(proof.is_complete() && whole, "{proof:?}");
        // Spans meet end to end and make up all time.
        prop_assert_eq!(left(Span::default(), &spans), []);
        prop_assert!(spans.iter().enumerate().all(|(at, a)| spans.iter().skip(at + 1).all(|b| a.is_empty() || b.is_empty() || left(*a, &[*b]) == [*a])));
    }

    #[test]
    fn others_are_right_or_doubted(
        changes in changes(), count in 0usize..600, seed: u64, workers in 1usize..5, totals: bool, says_more: bool, filters: bool,
        sorted in prop_oneof![Just(Sorted::IdAsc), Just(Sorted::IdDesc), Just(Sorted::Scrambled)],
        lie in prop_oneof![Just(0i64), Just(1), Just(-1), Just(300)], repeats in prop_oneof![Just(None), Just(Some(1)), Just(Some(7))],
        fixed in prop_oneof![Just(None), Just(Some(20))], shifted in prop_oneof![Just(0i64), Just(28_800), Just(-28_800)],
    ) {
        let habits = Habits { changes, totals, says_more, filters, sorted, lie, repeats, fixed, shifted, ..Habits::default() };
        walked(Server::new(habits, count, 3, seed), &plan(Clock::Created, workers));
    }
}

#[test]
fn a_quiet_list_costs_little_more_than_its_pages_and_keeps_all_workers_busy() {
    for (workers, most) in [(1, 408), (4, 420), (16, 440)] {
        for (totals, large) in [(true, f64::INFINITY), (false, f64::INFINITY), (true, 500.0), (false, 500.0)]
        {
            let server = Server::new(Habits { totals, ..Habits::default() }, 40_000, 1, 7);
            let plan = ByTime { now: 1_718_000_000, large, ..plan(Clock::Created, workers) };
            let Walked { proof, answers, most_in_flight, .. } = walked(server, &plan);
            assert!(proof.is_complete(), "{proof:?}");
            assert!(
                answers <= most,
                "{answers} requests, {workers} workers, totals: {totals}, large: {large}"
            );
            assert!(most_in_flight >= workers, "{most_in_flight} of {workers}");
        }
    }
}

#[test]
fn pages_of_rows_without_a_time_do_not_keep_windows_from_being_read() {
    for totals in [true, false] {
        let server = Server::new(Habits { totals, ..Habits::default() }, 40_000, 1, 7);
        server.hide(350);
        let plan = ByTime { now: 1_718_000_000, ..plan(Clock::Created, 4) };
        let Walked { proof, answers, whole, .. } = walked(server, &plan);
        assert!(proof.is_complete() && whole && answers < 440, "{answers} requests, {proof:?}");
    }
}

#[test]
fn a_wrong_zone_is_named() {
    for shifted in [28_800, -28_800] {
        let server = Server::new(Habits { shifted, ..Habits::default() }, 1_000, 3, 1);
        let Walked { proof, .. } = walked(server, &plan(Clock::Created, 1));
        assert!(
            proof.unproven.as_ref().is_some_and(|why| why.contains("`timezone`")),
            "{shifted}: {proof:?}"
        );
    }
}

#[test]
fn a_wrong_zone_is_seen_where_the_page_that_tells_it_ends_before_the_last_row() {
    for workers in 1..4 {
        let habits = Habits {
            changes: [0.0, 0.0, 1.0],
            totals: false,
            says_more: false,
            repeats: Some(7),
            shifted: 28_800,
            ..Habits::default()
        };
        let Walked { proof, .. } =
            walked(Server::new(habits, 458, 3, 729_512_728_090_439_428), &plan(Clock::Created, workers));
        assert!(!proof.is_complete(), "{proof:?}");
    }
}

#[test]
fn what_was_read_before_is_not_read_again() {
    let server = Server::new(Habits::default(), 5_000, 1, 1);
    let done = [Span { from: None, to: Some(1_701_000_000) }];
    let everything = walked(Server::new(Habits::default(), 5_000, 1, 1), &plan(Clock::Created, 1)).answers;
    let sink = Taken::default();
    let proof = run(by_time(&&server, &sink, &ByTime { done: &done, ..plan(Clock::Created, 1) })).unwrap();
    assert!(
        proof.is_complete() && server.answers.get() * 3 < everything * 2,
        "{} of {everything}",
        server.answers.get()
    );
}

#[test]
fn a_list_that_grows_with_every_answer_is_given_up() {
    let habits = Habits {
        changes: [1.0, 0.0, 0.0],
        totals: true,
        says_more: false,
        filters: true,
        sorted: Sorted::IdAsc,
        lie: 1,
        fixed: Some(20),
        ..Habits::default()
    };
    let server = Server::new(habits, 180, 3, 3_119_239_634_699_226_769);
    assert!(!walked(server, &plan(Clock::Created, 2)).proof.is_complete());
}

#[test]
fn seconds_with_more_changes_than_a_page_cost_little_more_than_their_pages() {
    let cases = [
        (83, 120, [120, 125, 140]),
        (8, 1_000, [100, 115, 125]),
        (1, 1_000, [18, 20, 20]),
        (1, 10_000, [125, 135, 140]),
    ];
    for (seconds, each, most) in cases {
        for (workers, most) in [1, 4, 16].into_iter().zip(most) {
            let server = Server::crowded(Habits::default(), seconds, each);
            let from = server.newest() - seconds as i64;
            let range = Span { from: Some(from), to: None };
            let plan = ByTime { range, now: from + seconds as i64 + 5, ..plan(Clock::Updated, workers) };
            let sink = Taken::default();
            let proof = run(by_time(&&server, &sink, &plan)).unwrap();
            assert!(proof.is_complete() && sink.ids.borrow().len() >= seconds * each, "{proof:?}");
            let answers = server.answers.get();
            assert!(
                answers <= most,
                "{answers} requests for {seconds} times {each} changes, {workers} workers"
            );
        }
    }
}
