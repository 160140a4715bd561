//! An extract: some tickets of one source in one file, read for the occasion. No lake is looked at or touched.

mod csv;
mod fault;
pub mod filters;
mod format;
mod narrow;
mod ndjson;
mod order;
mod place;
mod receive;
mod report;
mod spill;
mod xlsx;

use std::{sync::Arc, time::Instant};

use arrow::{
    array::{ArrayRef, RecordBatch, StringArray},
    datatypes::{Field, Schema, SchemaRef},
};
use roaring::RoaringTreemap;

use self::{
    format::{Cut, Paper, sheet},
    narrow::FieldValue,
    receive::{Ids, Intake, Received},
};
use crate::{
    batch::BatchError,
    columns::Type,
    config::SourceConfig,
    fetch::FetchError,
    progress::Meter,
    source::{self, Listing, Wish},
    summary::{Mode, Outcome, Run, SourceSummary},
    sync::{self, Afresh, ReadError, StopReason},
    walk::{Proof, Span, Tally},
};

pub use fault::PullError;
pub use format::Format;
pub use order::{Order, Which};
pub use place::{Place, STDOUT};
pub use report::Report;

/// The column that says from which source a row is.
const SOURCE: &str = "source";

/// Reads what is ordered and writes it to its place. What went wrong is told in the report and given as a value.
pub async fn pull(
    order: &Order,
    config: &SourceConfig,
    place: Place,
    meter: Meter,
    run: &Run,
) -> (Report, Option<PullError>) {
    let began = Instant::now();
    let mut account = Account::default();
    let name = (!place.is_stdout()).then(|| place.name().to_owned());
    let ended = extract(order, config, place, &meter, &mut account).await.err();
    meter.done();
    let mut source = SourceSummary::begin(&config.name, config.kind, Mode::Full);
    source.outcome = match &ended {
        Some(why) if !why.is_a_reader_that_left() => why.outcome(),
        _ => Outcome::Complete,
    };
    let ended = ended.filter(|why| !why.is_a_reader_that_left());
    source.tickets.read = account.rows;
    source.fields.defined = account.fields;
    source.requests = account.requests;
    source.paging.pages = account.tally.pages;
    source.paging.duplicates = account.tally.duplicates;
    source.paging.shifts_detected = account.tally.shifts_detected;
    source.paging.pages_reread = account.tally.pages_reread;
    source.rescued = account.rescued;
    source.seconds = began.elapsed().as_secs_f64();
    source.error = ended.as_ref().map(ToString::to_string);
    let report = Report {
        summary: run.finish("pull", source.outcome, vec![source]),
        file: name.filter(|_| account.kept),
        format: order.format.name(),
        rows: account.rows,
        columns: account.columns,
        bytes: account.bytes,
        missing_ids: account.missing,
        cut_cells: account.cut.cells,
        cut: account.cut,
        asked_ids: match &order.which {
            Which::Ids(ids) => ids.len() as u64,
            _ => 0,
        },
    };
    (report, ended)
}

/// What an extract leaves to be told.
#[derive(Default)]
struct Account {
    rows: u64,
    columns: u64,
    fields: u64,
    bytes: Option<u64>,
    kept: bool,
    missing: Vec<i64>,
    cut: Cut,
    tally: Tally,
    rescued: crate::summary::Rescued,
    requests: crate::summary::RequestCounts,
}

async fn extract(
    order: &Order,
    config: &SourceConfig,
    place: Place,
    meter: &Meter,
    account: &mut Account,
) -> Result<(), PullError> {
    let afresh = sync::read_alone(config, meter).await?;
    let read = read(order, &afresh, &place, meter, account).await;
    account.requests = sync::requests(&afresh.client.counts);
    let (received, unproven) = read?;
    account.rescued = received.rescued.clone();
    write(order, &afresh, received, place, account).await?;
    // What was found is kept all the same: it is told, and so is why it may not be all.
    unproven.map_or(Ok(()), |why| Err(StopReason::Unproven(why).into()))
}

/// Reads everything; gives what came, and why it may not be all.
async fn read(
    order: &Order,
    afresh: &Afresh,
    place: &Place,
    meter: &Meter,
    account: &mut Account,
) -> Result<(Received, Option<String>), PullError> {
    let fields = afresh.fields();
    account.fields = fields.iter().filter(|field| field.defined).count() as u64;
    let mut narrow = order.narrow();
    if let Some((field, value)) = &order.field {
        let found = FieldValue::of(&fields, field, value)?;
        let column = crate::fields::column_name(&found.name);
        if afresh.client.config.masks.columns.contains_key(&column) {
            return Err(PullError::Usage(format!(
                "--field-value: {column} is masked by the configuration, so that its values cannot be compared here; \
                 `={value}` searches in all fields"
            )));
        }
        narrow.field = Some(found);
    }
    let clock = narrow.clock();
    let intake = Intake::new(afresh, narrow, order.format, meter.clone(), place.folder().to_owned());
    let mut nameless = 0;
    let outcome = match &order.which {
        Which::Ids(ids) => read_ids(afresh, ids, &intake).await.map(|missing| {
            account.missing = missing;
            None
        }),
        Which::All => proven(afresh.read_span(clock, &intake).await, account),
        Which::Listed(listing) => read_list(afresh, listing, clock, &intake, &mut nameless, account).await,
        Which::FilterNamed { name, agent } => {
            let id = filters::find(&afresh.client, name, *agent).await?;
            let listing = source::listing(afresh.client.config.kind, &Wish::Filter { id, agent: *agent });
            let none = || PullError::Usage("--filter: the source keeps no filters".to_owned());
            read_list(afresh, &listing.ok_or_else(none)?, clock, &intake, &mut nameless, account).await
        }
    };
    let received = intake.finish()?;
    let unproven = match outcome {
        Ok(unproven) => unproven,
        Err(ReadError::Fetch(why @ FetchError::Refused { .. })) => {
            return Err(refused(order, afresh, why).await);
        }
        Err(why) => return Err(why.into()),
    };
    nameless += received.unreadable;
    let unreadable = (nameless > 0).then(|| {
        format!("{nameless} tickets have an id that cannot be read and are not in the file; correct them at the source")
    });
    Ok((received, unreadable.or(unproven)))
}

fn proven(proof: Result<Proof, ReadError>, account: &mut Account) -> Result<Option<String>, ReadError> {
    let Proof { unproven, tally } = proof?;
    account.tally = tally;
    Ok(unproven)
}

/// Asks for tickets by id; gives those that are not there, ascending.
async fn read_ids(afresh: &Afresh, ids: &[i64], intake: &Intake<'_>) -> Result<Vec<i64>, ReadError> {
    let asked: RoaringTreemap = ids.iter().map(|id| id.cast_unsigned()).collect();
    let found = match ids {
        // A refusal of the one ticket that was asked for is the answer.
        [id] => afresh.read_one(*id, intake).await?,
        ids => afresh.read_ids(ids, intake).await?.found,
    };
    Ok((asked - found).iter().map(u64::cast_signed).collect())
}

async fn read_list(
    afresh: &Afresh,
    listing: &Listing,
    clock: (source::Clock, Span),
    intake: &Intake<'_>,
    nameless: &mut u64,
    account: &mut Account,
) -> Result<Option<String>, ReadError> {
    if listing.whole_rows {
        return proven(afresh.read_list(listing, clock, intake).await, account);
    }
    let in_list = Ids::default();
    let unproven = proven(afresh.read_list(listing, (clock.0, Span::default()), &in_list).await, account)?;
    let (ids, unreadable) = in_list.finish();
    *nameless += unreadable;
    // One that is gone since it was listed is no longer meant.
    let gone = read_ids(afresh, &ids.iter().map(u64::cast_signed).collect::<Vec<_>>(), intake).await?;
    if !gone.is_empty() {
        tracing::debug!(tickets = gone.len(), "gone since they were listed");
    }
    Ok(unproven)
}

/// A refusal, with a hint at what was named wrongly.
async fn refused(order: &Order, afresh: &Afresh, why: FetchError) -> PullError {
    let hint = match &order.which {
        Which::All => return why.into(),
        _ if order.options == "--filter" => match filters::read(&afresh.client, None).await {
            Ok(filters) => format!("check the number of --filter: {}", filters::describe(&filters)),
            Err(_) => "check the number of --filter".to_owned(),
        },
        _ => format!("check what {} names: the source may have no such thing", order.options),
    };
    match &why {
        // What may not be seen may well be there.
        FetchError::Refused { why: said, .. } if said.starts_with("HTTP 403") => {
            PullError::Refused(format!("{why}; {hint}"))
        }
        _ => PullError::Usage(format!("{why}; {hint}")),
    }
}

/// Writes what came, and puts it in its place.
async fn write(
    order: &Order,
    afresh: &Afresh,
    received: Received,
    place: Place,
    account: &mut Account,
) -> Result<(), PullError> {
    let schema = with_source(afresh.file_schema().schema());
    let fields = afresh.fields();
    let config = &afresh.client.config;
    let paper = Paper {
        schema: &schema,
        fields: &fields,
        kind: config.kind,
        for_excel: order.for_excel,
        place: place.name(),
        folder: place.folder(),
        out: std::io::BufWriter::with_capacity(1 << 16, place.out()?),
    };
    account.columns = schema.fields().len() as u64;
    let mut sheet = sheet(order.format, paper)?;
    let mut sorted = received.spill.sorted(afresh.file_schema().schema())?;
    while let Some(batch) = sorted.next()? {
        account.rows += batch.num_rows() as u64;
        let source: ArrayRef =
            Arc::new(StringArray::from_iter_values(std::iter::repeat_n(&config.name, batch.num_rows())));
        let columns = batch.columns().iter().cloned().chain([source]).collect();
        sheet.write(&RecordBatch::try_new(Arc::clone(&schema), columns).map_err(BatchError::from)?)?;
        // A signal must be heard between two pieces.
        tokio::task::yield_now().await;
    }
    account.cut = sheet.finish()?;
    account.bytes = place.keep()?;
    account.kept = true;
    Ok(())
}

/// The columns of the lake, and the source's name.
fn with_source(schema: &Schema) -> SchemaRef {
    let source = Arc::new(Field::new(SOURCE, Type::Text.arrow(), false));
    Arc::new(Schema::new(schema.fields().iter().cloned().chain([source]).collect::<Vec<_>>()))
}
