use std::sync::{Arc, Mutex};

use super::*;
use crate::config::StoreKind;

fn lease() -> Lease {
    Lease { holder: "us".into(), token: "1".into(), seconds: 60, renewal: 0, released: false }
}

fn bucket() -> Arc<Bucket> {
    Arc::new(Bucket::in_memory(StoreKind::S3).expect("a store in memory"))
}

/// A lease that was put a moment ago, and that begins to be renewed.
fn held(bucket: &Arc<Bucket>) -> Arc<Mutex<State>> {
    let Created::Done(version) = bucket.put_new(LEASE, lease().content()).expect("it can be put") else {
        panic!("nothing was there");
    };
    let renewed = (Instant::now(), SystemTime::now());
    let state = Arc::new(Mutex::new(State { lease: lease(), version, renewed, lost_to: None }));
    tokio::spawn(renew_on(Arc::clone(bucket), Arc::clone(&state)));
    state
}

fn stored(bucket: &Bucket) -> Lease {
    Lease::read(&bucket.get(LEASE).expect("it can be read").expect("it is there").0)
}

/// Lets so much time pass for the renewal, and what it sends arrive.
async fn pass(time: Duration) {
    tokio::time::sleep(time + Duration::from_millis(1)).await;
}

#[tokio::test(start_paused = true)]
async fn a_lease_is_renewed_as_long_as_its_holder_lives() {
    let bucket = bucket();
    let state = held(&bucket);
    for renewal in 1..=20 {
        pass(RENEWAL).await;
        assert_eq!(stored(&bucket), Lease { renewal, ..lease() });
    }
    let state = state.lock().unwrap();
    assert_eq!((state.lease.renewal, &state.lost_to), (20, &None));
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_another_run_took_is_lost_and_left_alone() {
    let bucket = bucket();
    let state = held(&bucket);
    pass(RENEWAL).await;
    let other = Lease { holder: "another".into(), token: "2".into(), ..lease() };
    bucket.overwrite(LEASE, other.content()).expect("it can be put");
    pass(RENEWAL).await;
    assert_eq!(state.lock().unwrap().lost_to.as_deref(), Some("another run"));
    pass(RENEWAL * 3).await;
    assert_eq!(stored(&bucket), other);
}

#[test]
fn a_holder_that_could_not_renew_its_lease_stops_before_its_term_is_over() {
    let before =
        Instant::now().checked_sub(TRUSTED + Duration::from_secs(1)).expect("a machine up for a minute");
    let version = UpdateVersion { e_tag: None, version: None };
    let age = |renewed| State { lease: lease(), version: version.clone(), renewed, lost_to: None }.age();
    assert!(age((before, SystemTime::now())) > TRUSTED);
    // A machine that slept: its steady clock stood still.
    assert!(age((Instant::now(), SystemTime::now() - TRUSTED - Duration::from_secs(1))) > TRUSTED);
    assert!(TRUSTED + RENEWAL < TERM);
    assert!(age((Instant::now(), SystemTime::now())) < RENEWAL);
}
