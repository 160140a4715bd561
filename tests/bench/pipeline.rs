//! The way of a ticket in pieces: decode, split, merge, write. `cargo bench` measures them one by one.

mod material;

use std::{hint::black_box, time::Duration};

use arrow::{array::RecordBatch, compute::concat_batches};
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use material::Material;
use ticketlake::{
    batch::{Merge, Weaving},
    lake::{self, PartitionKey, split},
};

const TICKETS: usize = 2_000;
/// Rows of one day of a help desk with some 100,000 and some 1,000,000 tickets in its lake.
const DAYS: [usize; 2] = [250, TICKETS];

fn decode(criterion: &mut Criterion) {
    let material = Material::new(TICKETS);
    let mut group = criterion.benchmark_group("decode");
    group.throughput(Throughput::Bytes(material.pages.iter().map(|page| page.body.len() as u64).sum()));
    group.bench_function("pages", |bencher| {
        bencher.iter(|| {
            for page in &material.pages {
                black_box(material.decode(black_box(page)));
            }
        })
    });
}

fn cut(criterion: &mut Criterion) {
    let material = Material::new(TICKETS);
    let rows = whole(&material);
    let mut group = criterion.benchmark_group("split");
    group.throughput(Throughput::Elements(TICKETS as u64));
    group.bench_function("by day", |bencher| {
        let mut calendar = material.lake.calendar();
        bencher.iter(|| split(&mut calendar, black_box(std::slice::from_ref(&rows))).expect("parts"))
    });
}

fn merge(criterion: &mut Criterion) {
    let material = Material::new(TICKETS);
    let rows = whole(&material);
    let mut group = criterion.benchmark_group("merge");
    group.throughput(Throughput::Elements(TICKETS as u64));
    let schema = &material.layout.schema;
    group.bench_function("new rows", |bencher| {
        bencher.iter(|| {
            let mut merge = Merge::new(schema, std::slice::from_ref(&rows)).expect("a merge");
            while let Some(batch) = merge.rest(TICKETS).expect("rows") {
                black_box(batch);
            }
        })
    });
    let held = in_order(&material, &rows);
    group.bench_function("unchanged rows", |bencher| {
        bencher.iter(|| {
            let merge = Merge::new(schema, std::slice::from_ref(&rows)).expect("a merge");
            let mut weaving = Weaving::new(merge);
            weaving.meet(black_box(&held)).expect("ids");
            let mut pairs = weaving.pairs();
            for (at, column) in held.columns().iter().enumerate() {
                assert!(!pairs.compare(at, column).expect("cells of one type"));
            }
            assert!(pairs.settle().is_empty());
        })
    });
}

fn write(criterion: &mut Criterion) {
    let material = Material::new(TICKETS);
    let rows = whole(&material);
    let Some(day) = PartitionKey::parse("created_date=2025-01-01") else { return };
    let mut group = criterion.benchmark_group("write");
    for count in DAYS {
        let rows = rows.slice(0, count);
        let name = &material.config.sources[0].name;
        let put =
            || lake::upsert(&material.lake, name, day, std::slice::from_ref(&rows), &material.form, false);
        group.throughput(Throughput::Elements(count as u64));
        group.bench_function(format!("a file of {count} rows"), |bencher| {
            let empty = || lake::remove(&material.lake, name, day).expect("no file");
            bencher.iter_batched(empty, |_| put().expect("a file"), BatchSize::PerIteration)
        });
        group.bench_function(format!("nothing new among {count} rows"), |bencher| {
            put().expect("a file");
            bencher.iter(|| assert!(put().expect("a look").written.is_none()))
        });
    }
}

/// All rows in the order of reading.
fn whole(material: &Material) -> RecordBatch {
    let batches: Vec<RecordBatch> = material.pages.iter().map(|page| material.decode(page).batch).collect();
    concat_batches(batches[0].schema_ref(), &batches).expect("one schema")
}

/// The rows as a lake holds them: by id.
fn in_order(material: &Material, rows: &RecordBatch) -> RecordBatch {
    let mut merge = Merge::new(&material.layout.schema, std::slice::from_ref(rows)).expect("a merge");
    merge.rest(TICKETS).expect("rows").expect("some")
}

criterion_group! {
    name = pieces;
    config = Criterion::default().measurement_time(Duration::from_secs(3)).warm_up_time(Duration::from_secs(1)).sample_size(30);
    targets = decode, cut, merge, write
}
criterion_main!(pieces);
